"""Training a trained network further: its parameters, and which of them stay."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.tasks.base import AnyTask, TaskData
from gatewise.tasks.options import StepOptions, TaskOptions, TrainOptions
from gatewise.tasks.serialization import SavedModel

SLOWER = 10  # the factor of the learning rate
TUNABLE = {*TaskOptions.model_fields, *StepOptions.model_fields, *TrainOptions.model_fields} - {"cell"}


def fine_tuning_options(
    task: AnyTask, trained: TrainOptions, options: TrainOptions, given: Sequence[str]
) -> TrainOptions:
    """The options with which a model is trained further: those of its training, at a tenth of its rate.

    trained: of its training; options: the same with those that are given now; given: their names

    Raises: `GatewiseError` if an option would change the network or how data are read.
    """
    for name in given:
        if name not in TUNABLE | task.tunable and getattr(options, name) != getattr(trained, name):
            raise GatewiseError(
                f"the option {name!r} is that of the trained model, {getattr(trained, name)!r}, and can't be "
                f"changed to {getattr(options, name)!r}: leave it out, or train a new model"
            )
    if "learning_rate" in given:
        return options
    return options.model_copy(update={"learning_rate": trained.learning_rate / SLOWER})


def start_network(task: AnyTask, model: SavedModel, data: TaskData) -> Network:
    """A copy of a trained network, to be trained further on data."""
    network = copy.deepcopy(model.network)
    task.prepare_fine_tuning(network, data)
    return network


@contextmanager
def frozen(network: Network, names: Sequence[str]) -> Iterator[None]:
    """Within it, the parameters of these modules are not trained.

    names: of modules or parameters, such as "recurrent" or "head.linear"

    Raises: `GatewiseError` if there is none of a name, or nothing is left to train.
    """
    trained = {name: one for name, one in network.named_parameters() if one.requires_grad}
    chosen: set[str] = set()
    for given in names:
        called = tuple(f"{one}." for one in network.modules_called(given))
        found = {name for name in trained if f"{name}.".startswith(called)}
        chosen |= found
        if not found:
            modules = ", ".join(_names_to_freeze(network, trained))
            raise GatewiseError(f"there are no parameters {given!r} to freeze; the network has {modules}")
    if names and len(chosen) == len(trained):
        raise GatewiseError(f"--freeze {','.join(names)} leaves nothing to train; freeze less")
    for name in chosen:
        trained[name].requires_grad_(False)
    try:
        yield
    finally:
        for name in chosen:
            trained[name].requires_grad_(True)


def _names_to_freeze(network: Network, parameters: Iterable[str]) -> list[str]:
    """The modules of parameters, without those that are frozen under the name of another one."""
    names = dict.fromkeys(name.partition(".")[0] for name in parameters)
    others = {one.partition(".")[0] for name in names for one in network.modules_called(name)[1:]}
    return [name for name in names if name not in others]

"""A saved model as an estimator."""

from __future__ import annotations

from pathlib import Path

from gatewise.estimators import find_estimator
from gatewise.estimators.base import Estimator
from gatewise.tasks import estimator_names, find_task
from gatewise.tasks.options import TrainOptions, resolve, verb_options
from gatewise.tasks.serialization import load_model


def load(folder: Path | str) -> Estimator:
    """The estimator of a model that `save` or a run of the command line wrote; nothing in it is executed.

    folder: of a run, or of `Estimator.save`

    Raises: `GatewiseError` where a file is missing, broken, or of a later version.

    >>> import gatewise
    >>> model = gatewise.load("run")  # doctest: +SKIP
    """
    model = load_model(folder)
    name = next(name for name, tasks in estimator_names().items() if model.task in tasks)
    config = Path(folder) / "config.yaml"
    kind = verb_options("train", find_task(model.task).options)
    options = resolve(kind, config, {}) if config.is_file() else None
    assert options is None or isinstance(options, TrainOptions)
    return find_estimator(name).of(model, options, Path(folder))

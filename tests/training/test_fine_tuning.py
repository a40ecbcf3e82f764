"""Training a model further: which options may change, and which parameters stay."""

import pytest
import torch
from torch import nn

from gatewise.cells import GRU
from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.training.fine_tuning import fine_tuning_options, frozen
from tests.series import data

Options = verb_options("train", TASK.options)
TRAINED = Options(horizon=4, hidden=8, learning_rate=0.02)


def changed(**given):
    return fine_tuning_options(TASK, TRAINED, TRAINED.model_copy(update=given), list(given))


def test_the_rate_is_a_tenth_unless_given():
    assert changed().learning_rate == pytest.approx(0.002)
    assert changed(max_steps=7, metric="mae").model_dump() == {
        **TRAINED.model_dump(), "learning_rate": 0.002, "max_steps": 7, "metric": "mae"
    }  # fmt: skip
    assert changed(learning_rate=0.5).learning_rate == 0.5


@pytest.mark.parametrize(
    ("name", "value"), [("hidden", 16), ("horizon", 5), ("cell", "gru"), ("target", "y")]
)
def test_what_the_model_is_made_of_does_not_change(name, value):
    assert changed(**{name: getattr(TRAINED, name)}).hidden == 8
    with pytest.raises(GatewiseError) as refused:
        changed(**{name: value})
    assert str(refused.value) == (
        f"the option {name!r} is that of the trained model, {getattr(TRAINED, name)!r}, and can't be changed "
        f"to {value!r}: leave it out, or train a new model"
    )


class Parts(nn.ModuleDict):
    modules_called = Network.modules_called


def network():
    return Parts({"layers": nn.Linear(2, 2), "layers2": nn.Linear(2, 2), "head": nn.Linear(2, 1)})


def test_frozen_parameters_are_not_trained():
    made = network()
    with frozen(made, ("layers", "head.bias")):
        kept = [name for name, one in made.named_parameters() if not one.requires_grad]
    assert sorted(kept) == ["head.bias", "layers.bias", "layers.weight"]
    assert all(one.requires_grad for one in made.parameters())


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (
            ("recurrent",),
            "there are no parameters 'recurrent' to freeze; the network has layers, layers2, head",
        ),
        (("layers", "layers2", "head"), "--freeze layers,layers2,head leaves nothing to train; freeze less"),
    ],
    ids=["unknown", "all"],
)
def test_names_that_are_refused(names, problem):
    with pytest.raises(GatewiseError) as refused, frozen(network(), names):
        pass
    assert str(refused.value) == problem


def test_a_forecaster_is_what_its_layers_learned_before_it_is_trained_further():
    """Its intervals and its weight beside ridge regression are learned again."""
    prepared = data()
    made = TASK.network(prepared, Options(horizon=4, hidden=2), GRU)
    past = prepared.validation.all()
    before = made.quantiles(made(past.past, past.future)).detach()
    made.stretch.fill_(3)
    made.layer_weight.fill_(0.25)
    made.anchor_weight.add_(1)
    made.anchor_bias.add_(1)
    made.ridge = None
    TASK.prepare_fine_tuning(made, prepared)
    torch.testing.assert_close(made.quantiles(made(past.past, past.future)), before)
    assert made.ridge.linear.weight.shape == made.anchor_weight.shape

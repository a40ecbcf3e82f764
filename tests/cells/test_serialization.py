"""A cell as data and back."""

import copy
import json
import pickle

import pytest
import torch

import gatewise
from gatewise.cells import LSTM, Cell, R, W, prev, sigmoid, tanh, x
from gatewise.cells.formula import formulas
from gatewise.cells.serialization import from_data, to_data
from gatewise.compiler.layout import layout
from gatewise.errors import GatewiseError


def test_a_cell_survives_json(cell):
    again = from_data(json.loads(json.dumps(to_data(cell))))
    assert formulas(again) == formulas(cell)
    assert layout(again).parameters == layout(cell).parameters
    assert (again.state, again.gates, again.about) == (cell.state, cell.gates, cell.about)
    assert initial(again) == initial(cell)


def initial(cell):
    """The initial values of a cell, equations as text."""
    biases = {name: repr(value) for name, value in cell.initial_bias.items()}
    return biases | {repr(one): repr(value) for one, value in cell.initial_vectors.items()}


@pytest.mark.parametrize(
    "damage",
    [
        {"lines": {"h": ["system", ["x"]]}},
        {"lines": {"h": ["tanh", ["x"], ["x"]]}},
        {"lines": {"h": ["line", "later"]}},
        {"lines": 3},
        {"state": 3},
        {"start": {"f": "high"}},
        {"start": {"f": ["x"]}},
        {"start": {"f": ["uniform", 3]}},
        {"lines": {"h": ["tanh", ["uniform"]]}},
        {"gates": ["h", "other"]},
        {"gates": 3},
        {"vectors": {"p.h": 1.0}},
        {"vectors": 3},
    ],
)
def test_broken_data_is_refused(damage):
    with pytest.raises(GatewiseError):
        from_data({**to_data(LSTM), **damage})


def test_values_that_are_not_data_are_refused():
    with pytest.raises(GatewiseError, match="not the equations of a cell"):
        from_data(["LSTM"])


def test_expressions_that_are_shared_keep_their_weights_apart():
    def mix(value):
        return sigmoid(R.a @ value) * tanh(W.q @ x + R.c @ prev.h) + R.b @ value + 2 * (R.a @ value)

    class Shared(Cell):
        state = ("h",)
        h = mix(0.5 * prev.h)

    again = from_data(to_data(Shared))
    assert layout(again).parameters == layout(Shared).parameters
    layer, loaded = gatewise.Recurrent(Shared, 2, 3), gatewise.Recurrent(again, 2, 3)
    loaded.load_state_dict(layer.state_dict())
    values = torch.randn(4, 2, 2)
    assert torch.equal(layer(values)[0], loaded(values)[0])


def test_a_cell_from_nowhere_is_pickled_by_its_equations():
    class Own(Cell):
        state = ("h",)
        h = tanh(W.h @ x + R.h @ prev.h)

    assert formulas(pickle.loads(pickle.dumps(Own))) == formulas(Own)
    assert pickle.loads(pickle.dumps(LSTM)) is LSTM
    layer = copy.deepcopy(gatewise.Recurrent(Own, 2, 3))
    assert pickle.loads(pickle.dumps(layer))(torch.randn(4, 2, 2))[0].shape == (4, 2, 3)


def test_a_file_keeps_the_initial_bias_under_its_first_name():
    data = to_data(LSTM)
    assert data["start"] == {"f": 1.0}
    assert from_data({**data, "start": {"f": 2.0}}).initial_bias == {"f": 2.0}

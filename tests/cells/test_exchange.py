"""A cell as data and back."""

import json

import pytest

from gatewise.cells import LSTM
from gatewise.cells.exchange import from_data, to_data
from gatewise.compiler.formula import formulas
from gatewise.compiler.layout import layout
from gatewise.errors import GatewiseError


def test_a_cell_survives_json(cell):
    again = from_data(json.loads(json.dumps(to_data(cell))))
    assert formulas(again) == formulas(cell)
    assert layout(again).parameters == layout(cell).parameters
    assert (again.state, again.gates, again.start, again.about) == (
        cell.state,
        cell.gates,
        cell.start,
        cell.about,
    )


@pytest.mark.parametrize(
    "damage",
    [
        {"lines": {"h": ["system", ["x"]]}},
        {"lines": {"h": ["tanh", ["x"], ["x"]]}},
        {"lines": {"h": ["line", "later"]}},
        {"lines": 3},
        {"state": 3},
        {"start": {"f": "high"}},
    ],
)
def test_broken_data_is_refused(damage):
    with pytest.raises(GatewiseError):
        from_data({**to_data(LSTM), **damage})


def test_what_is_no_data_at_all_is_refused():
    with pytest.raises(GatewiseError, match="not the equations of a cell"):
        from_data(["LSTM"])

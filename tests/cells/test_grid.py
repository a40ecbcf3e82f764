"""What a grid's block is made of; `tests/layers/test_grid.py` has its values."""

import json
import pickle

import pytest

from gatewise.cells import grid
from gatewise.cells.formula import formulas
from gatewise.cells.latex import latex
from gatewise.cells.serialization import from_data, to_data
from gatewise.compiler.layout import layout
from gatewise.errors import GatewiseError

KINDS = [
    {}, {"transform": "gru"}, {"transform": "rnn"}, {"priority": (2,)}, {"without_memory": (2,)},
    {"show": "tanh(o * c)"}, {"without_memory": (1,), "activation": "relu"},
]  # fmt: skip


def test_the_equations_as_they_are_printed():
    lines = formulas(grid(2))
    assert list(lines) == [f"{name}_{k}" for k in (1, 2) for name in ("i", "f", "g", "o", "c", "h")]
    for k in (1, 2):
        for gate in "ifo":
            seen = f"R1_{gate}_{k} h_1[p-e1] + R2_{gate}_{k} h_2[p-e2] + b_{gate}_{k}"
            assert lines[f"{gate}_{k}"] == f"sigmoid({seen})"
        assert lines[f"c_{k}"] == f"f_{k} * c_{k}[p-e{k}] + i_{k} * g_{k}"
        assert lines[f"h_{k}"] == f"o_{k} * tanh(c_{k})"


def test_options_change_what_they_name_only():
    usual = formulas(grid(2))
    assert formulas(grid(2, show="tanh(o * c)")) == {
        **usual,
        "h_1": "tanh(o_1 * c_1)",
        "h_2": "tanh(o_2 * c_2)",
    }
    prior = formulas(grid(2, priority=(2,)))
    assert prior == {
        name: line.replace("h_1[p-e1]", "h_1") if name[-1] == "2" else line for name, line in usual.items()
    }
    bare = formulas(grid(2, without_memory=(2,), activation="relu"))
    assert bare.pop("h_2") == "relu(R1_h_2 h_1[p-e1] + R2_h_2 h_2[p-e2] + b_h_2)"
    assert bare == {name: line for name, line in usual.items() if name[-1] == "1"}
    assert list(formulas(grid(3, priority=(1,))))[-1] == "h_1"


def test_what_is_handed_on_and_what_is_the_output():
    assert grid(3).state == ("h_3", "h_1", "h_2", "c_1", "c_2", "c_3")
    assert {name: one.axis for name, one in grid(2).previous.items()} == {
        "h_2": 2,
        "h_1": 1,
        "c_1": 1,
        "c_2": 2,
    }
    assert list(grid(2, without_memory=(2,)).previous) == ["h_2", "h_1", "c_1"]
    assert list(grid(2, "gru").previous) == ["h_2", "h_1"]
    assert [one.name for one in layout(grid(2)).parameters] == ["R1", "R2", "b"]


def test_a_cell_is_made_once():
    assert grid(2) is grid(axes=2, transform="lstm") is grid(2, priority=[])
    assert grid(3, priority=(2, 1)) is grid(3, priority=[1, 2]) is not grid(3, priority=[1])


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0,), {}, "expected axes as a whole number of at least 1, got 0"),
        ((2.0,), {}, "expected axes as a whole number of at least 1, got 2.0"),
        ((True,), {}, "expected axes as a whole number of at least 1, got True"),
        ((2, "LSTM"), {}, "expected transform as one of lstm, gru, rnn, got 'LSTM'"),
        ((2,), {"priority": (3,)}, "expected priority as some of the axes 1 to 2, such as (1,), got (3,)"),
        ((2,), {"priority": 2}, "expected priority as some of the axes 1 to 2, such as (1,), got 2"),
        ((2,), {"priority": (1, 2)}, "priority=(1, 2) names all axes; leave out at least one"),
        ((1,), {"priority": (1,)}, "priority=(1,) names all axes; leave out at least one"),
        ((2,), {"without_memory": [0]}, "expected without_memory as some of the axes 1 to 2, such as (1,), "
         "got [0]"),
        ((2,), {"show": "o"}, "expected show as one of o * tanh(c), tanh(o * c), got 'o'"),
        ((2,), {"activation": "gelu"}, "expected activation as one of tanh, relu, got 'gelu'"),
    ],
)  # fmt: skip
def test_arguments_that_mean_nothing(arguments, options, message):
    grid(2)
    with pytest.raises(GatewiseError) as error:
        grid(*arguments, **options)
    assert str(error.value) == message


@pytest.mark.parametrize("options", KINDS)
def test_a_cell_as_data_and_back(options):
    cell = grid(2, **options)
    for again in (from_data(json.loads(json.dumps(to_data(cell)))), pickle.loads(pickle.dumps(cell))):
        assert (again.axes, again.previous, again.initial_bias) == (2, cell.previous, cell.initial_bias)
        assert formulas(again) == formulas(cell)
        assert layout(again).parameters == layout(cell).parameters


@pytest.mark.parametrize("options", KINDS)
def test_latex_has_all_lines(options):
    text = latex(grid(2, **options))
    assert text.count("&=") == len(grid(2, **options).lines)
    assert text.count("{") == text.count("}")
    assert "h^{(2)}_{p-e_{2}}" in text
    assert "_{t" not in text

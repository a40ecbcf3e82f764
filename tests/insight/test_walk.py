"""The walk: every cell has one, with the numbers of its equations and the comments of its author."""

import math

import pytest

from gatewise import cells
from gatewise.cells import Cell, R, W, prev, sigmoid, tanh, x
from gatewise.cells.multidimensional import mdlstm
from gatewise.errors import GatewiseError
from gatewise.insight.walk import phases_of, walk


def number(text):
    """A filled equation, computed."""
    names = {
        "sigmoid": lambda value: 1 / (1 + math.exp(-value)), "tanh": math.tanh, "exp": math.exp,
        "relu": lambda value: max(value, 0), "maximum": max, "softplus": lambda v: math.log1p(math.exp(v)),
        "log": math.log, "sqrt": math.sqrt, "sin": math.sin, "cos": math.cos, "abs": abs, "minimum": min,
        "fraction": lambda value: value % 1,
        "log_sigmoid": lambda value: -math.log1p(math.exp(-value)),
    }  # fmt: skip
    return eval(text, {"__builtins__": {}}, names)  # of our own making


def test_every_cell_s_numbers_are_those_of_its_equations(cell):
    found = walk(cell)
    tolerance = 0.05 if cell is cells.LRU else 0.02  # two digits are shown, and angles go through exp
    assert {step.name for step in found.steps} == set(cell.lines)
    for step in found.steps:
        assert number(step.substituted) == pytest.approx(step.value, abs=tolerance), step


def test_phases():
    assert phases_of(cells.LSTM) == {
        "i": "input", "f": "forget", "g": "input", "c": "update", "o": "output", "h": "output"
    }  # fmt: skip
    assert phases_of(cells.GRU) == {"r": "input", "z": "forget", "n": "input", "h": "update"}
    assert phases_of(cells.RNN) == {"h": "output"}
    assert phases_of(cells.find_cell("coupledlstm"))["i"] == "input"


def test_comments_and_other_names():
    steps = {step.name: step for step in walk(cells.LSTM).steps}
    assert steps["f"].comment == "how much of the old memory to keep"
    assert "carousel" in steps["c"].other_names
    assert steps["f"].equation == "sigmoid(W_f x + R_f h[t-1])"
    peephole = {step.name: step for step in walk(cells.PeepholeLSTM).steps}
    assert peephole["g"].comment  # of the class that it is made from


def test_a_user_s_own_cell_without_comments():
    class Own(Cell):
        state = ("h",)
        keep = sigmoid(W.keep @ x)
        h = keep * prev.h - tanh(R.h @ prev.h)

    found = walk(Own)
    assert [step.phase for step in found.steps] == ["forget", "update"]
    assert set(found.before) == {"h[t-1]"}


def test_a_lattice_has_no_walk():
    with pytest.raises(GatewiseError, match="MDLSTM2 runs over a lattice; give a cell of sequences"):
        walk(mdlstm(2))

"""The walk: every cell has one, its numbers are those of its equations, its words those of its author."""

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
    }  # fmt: skip
    return eval(text, {"__builtins__": {}}, names)  # of our own making


def test_every_cell_s_numbers_are_what_its_equations_say(cell):
    found = walk(cell)
    assert {step.name for step in found.steps} == set(cell.lines)
    for step in found.steps:
        assert number(step.filled) == pytest.approx(step.value, abs=0.02), step  # two digits are shown


def test_phases():
    assert phases_of(cells.LSTM) == {
        "i": "write", "f": "forget", "g": "write", "c": "keep", "o": "show", "h": "show"
    }  # fmt: skip
    assert phases_of(cells.GRU) == {"r": "write", "z": "forget", "n": "write", "h": "keep"}
    assert phases_of(cells.RNN) == {"h": "show"}
    assert phases_of(cells.find_cell("coupledlstm"))["i"] == "write"


def test_the_author_s_words_and_the_lecture_s():
    steps = {step.name: step for step in walk(cells.LSTM).steps}
    assert steps["f"].words == "how much of the old memory to keep"
    assert "carousel" in steps["c"].other_names
    assert steps["f"].equation == "sigmoid(W_f x + R_f h[t-1])"
    peephole = {step.name: step for step in walk(cells.PeepholeLSTM).steps}
    assert peephole["g"].words  # of the class that it is made from


def test_a_user_s_own_cell_without_words():
    class Own(Cell):
        state = ("h",)
        keep = sigmoid(W.keep @ x)
        h = keep * prev.h - tanh(R.h @ prev.h)

    found = walk(Own)
    assert [step.phase for step in found.steps] == ["forget", "keep"]
    assert set(found.before) == {"h[t-1]"}


def test_a_lattice_has_no_walk():
    with pytest.raises(GatewiseError, match="MDLSTM2 runs over a lattice; a walk goes along a sequence"):
        walk(mdlstm(2))

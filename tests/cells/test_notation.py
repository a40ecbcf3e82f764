"""The notation: operators build expressions, names are remembered."""

import pytest

from gatewise.cells import Cell, W, exp, matrices, maximum, prev, relu, softplus, vectors, x
from gatewise.cells.expressions import Factor
from gatewise.cells.formula import formulas


def test_brackets_are_set_where_they_are_needed():
    class Arithmetic(Cell):
        state = ("h",)
        a = W.a @ x
        s = a - (prev.h - 1) - 2
        q = a / (prev.h / 2) * (a + 1)
        n = -(a + prev.h) * 2
        h = maximum(s * q, exp(n)) + relu(1 / softplus(a))

    assert list(formulas(Arithmetic).values()) == [
        "W_a x",
        "a - (h[t-1] - 1) - 2",
        "a / (h[t-1] / 2) * (a + 1)",
        "(-(a + h[t-1])) * 2",
        "maximum(s * q, exp(n)) + relu(1 / softplus(a))",
    ]


def test_a_name_gives_the_same_thing_again():
    assert prev.c is prev["c"]
    assert matrices("Q").i.family == "Q"
    assert vectors("q")["i"].block == "i"


def test_private_attributes_are_not_names():
    with pytest.raises(AttributeError):
        _ = W.__deepcopy__


def test_a_factor_of_a_program_is_shown_by_its_name():
    assert repr(Factor("mask") * prev.h) == "mask * h[t-1]"

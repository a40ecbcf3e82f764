"""Which recurrences are affine, and the factors of their states."""

import pytest

from gatewise.cells import Cell, R, W, cells, elapsed, exp, p, prev, sigmoid, tanh, x
from gatewise.compiler.affine import recurrence
from gatewise.compiler.constants import with_constants
from gatewise.compiler.heads import by_head
from gatewise.compiler.program import PLAIN, Extras
from gatewise.compiler.stages import plan

OF_VECTORS = [one for one in cells().values() if not one.matrix_states and by_head(one) is None]


def found(cell, extras=PLAIN):
    return recurrence(plan(with_constants(cell)[0], extras))


def factors(cell, extras=PLAIN):
    """The factors of a cell as text, by state after and before."""
    groups = [group for level in found(cell, extras).levels for group in level.groups]
    return {names: str(one) for group in groups for names, one in group.factors.items()}


def test_the_affine_cells():
    names = [one.__name__ for one in OF_VECTORS if found(one).obstacle is None]
    assert names == ["MinGRU", "MinLSTM", "LRU", "RGLRU", "QRNN"]


def test_complex_numbers_are_pairs_of_states():
    turns, reads = found(cells()["LRU"]).levels
    assert [one.states for one in turns.groups] == [("re", "im")]
    assert factors(cells()["LRU"]).keys() == {(a, b) for a in ("re", "im") for b in ("re", "im")}
    assert (reads.stage, reads.states, reads.is_read) == (1, ("h",), False)


def test_obstacles():
    assert found(cells()["LSTM"]).obstacle == "a product or a normalizer is between the states of two steps"
    assert found(cells()["SRU"]).obstacle == "c is not affine in the c before"
    assert found(cells()["IndRNN"]).obstacle == "h is not affine in the h before"


def test_factors_of_a_state_with_zoneout():
    assert factors(cells()["MinGRU"], Extras(zoned=("h",))) == {("h", "h"): "h + (1 - z) * (1 - h)"}


def test_every_rule():
    class Sums(Cell):
        state = ("h",)
        a = sigmoid(W.a @ x)
        before = 2 * prev.h / 4
        h = -(before * a) - (3 - prev.h) / exp(-elapsed) + before

    assert factors(Sums) == {("h", "h"): "-(0.5 * a) + (-(-1 / exp(-elapsed))) + 0.5"}


def test_levels_follow_what_states_read():
    class Tower(Cell):
        state = ("y", "top", "low")
        low = sigmoid(W.a @ x) * prev.low
        top = tanh(prev.low) * prev.top + low
        y = top * top

    made = found(Tower)
    assert [(one.states, one.is_read) for one in made.levels] == [
        (("low",), True),
        (("top",), True),
        (("y",), False),
    ]


def test_lines_of_an_earlier_stage_are_known():
    class Later(Cell):
        state = ("y", "h")
        h = sigmoid(W.a @ x) * prev.h + W.c @ x
        o = sigmoid(R.o @ h)
        y = o * prev.y + h

    levels = found(Later).levels
    assert [(one.stage, one.states) for one in levels] == [(0, ("h",)), (1, ("y",))]
    assert [[*one.groups[0].factors] for one in levels] == [[("h", "h")], [("y", "y")]]


@pytest.mark.parametrize(
    "line",
    [
        lambda: prev.h * prev.h,
        lambda: 1 / prev.h,
        lambda: tanh(prev.h),
        lambda: sigmoid(prev.g) * prev.h,
        lambda: prev.h + prev.s,
    ],
)
def test_what_is_not_affine(line):
    class Other(Cell):
        state = ("h", "g", "s")
        h = line() + W.h @ x
        g = prev.h - prev.g
        s = prev.g - prev.h

    assert found(Other).obstacle is not None
    assert found(Other).levels == ()


def test_products_of_states_are_no_recurrence_of_units():
    class Dense(Cell):
        state = ("h",)
        h = p.a * prev.h + R.h @ prev.h + W.h @ x

    assert found(Dense).obstacle == "a product or a normalizer is between the states of two steps"

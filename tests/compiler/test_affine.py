"""Which recurrences are affine, and the factors of their states."""

import pytest

from gatewise.cells import (
    Cell,
    R,
    W,
    cells,
    cos,
    elapsed,
    exp,
    log_sigmoid,
    maximum,
    minimum,
    p,
    prev,
    relu,
    sigmoid,
    sin,
    softplus,
    sqrt,
    tanh,
    x,
)
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
        h = -(before * a) - (3 - prev.h) / (2 + exp(-elapsed)) + before

    assert factors(Sums) == {("h", "h"): "-(0.5 * a) + (-(-1 / (2 + exp(-elapsed)))) + 0.5"}


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


@pytest.mark.parametrize(
    ("never_grows", "factor"),
    [
        (True, lambda f, i: f / (i + f)),
        (True, lambda f, i: exp(minimum(W.b @ x, 0))),
        (True, lambda f, i: exp(-softplus(W.b @ x) * sqrt(f))),
        (True, lambda f, i: maximum(-relu(f), tanh(W.b @ x)) * abs(cos(p.b))),
        (True, lambda f, i: sigmoid(W.b @ x) * tanh(p.a) + (1 - sigmoid(W.b @ x)) * (1 / (1 + f))),
        (True, lambda f, i: sigmoid(p.b)),
        (True, lambda f, i: exp(log_sigmoid(W.b @ x) - f)),
        (False, lambda f, i: exp(W.b @ x)),
        (False, lambda f, i: f),
        (False, lambda f, i: f / (i + i)),
        (False, lambda f, i: f / (W.b @ x + f)),
        (False, lambda f, i: 1 / sigmoid(W.b @ x)),
        (False, lambda f, i: p.b + 0.0),
        (False, lambda f, i: exp(-elapsed)),  # nothing says that times are not negative
        (False, lambda f, i: 0.5 - tanh(W.b @ x)),
        (False, lambda f, i: sigmoid(W.b @ x) * 1.5 + (1 - sigmoid(W.b @ x)) * 0.5),
        (False, lambda f, i: sigmoid(W.b @ x) * p.a + (1 - sigmoid(W.a @ x))),
    ],
)
def test_factors_that_may_grow_are_refused(never_grows, factor):
    class Decays(Cell):
        state = ("h",)
        f = exp(W.f @ x)
        i = exp(W.i @ x)
        h = factor(f, i) * prev.h + W.h @ x

    obstacle = None if never_grows else "products of the factors of h may grow without bound"
    assert found(Decays).obstacle == obstacle


@pytest.mark.parametrize(
    ("never_grows", "lines"),
    [
        (True, lambda a, c, s: (a * c * prev.h + a * s * prev.g, a * c * prev.g - a * s * prev.h)),
        (False, lambda a, c, s: (a * c * prev.h + a * s * prev.g, a * c * prev.g + a * s * prev.h)),
        (False, lambda a, c, s: (a * c * prev.h - s * prev.g, a * c * prev.g + a * s * prev.h)),
        (False, lambda a, c, s: (p.a * c * prev.h - p.a * s * prev.g, p.a * c * prev.g + p.a * s * prev.h)),
        (False, lambda a, c, s: (c * prev.h - sin(p.c) * prev.g, c * prev.g + sin(p.c) * prev.h)),
        (True, lambda a, c, s: (a * prev.h - (1 - a) * c * prev.g, prev.h / 2 + s / 2 * prev.g)),
        (True, lambda a, c, s: (c * prev.h / 2 + prev.g, prev.h / 2)),  # the columns
        (False, lambda a, c, s: (prev.h + prev.g / 2, prev.h / 1.0)),
    ],
)
def test_pairs_that_may_grow_are_refused(never_grows, lines):
    class Turns(Cell):
        state = ("h", "g")
        a = sigmoid(W.a @ x)
        c = cos(p.b)
        s = sin(p.b)
        h = lines(a, c, s)[0] + W.h @ x
        g = lines(a, c, s)[1]

    obstacle = None if never_grows else "products of the factors of h and g may grow without bound"
    assert found(Turns).obstacle == obstacle


def test_products_of_states_are_no_recurrence_of_units():
    class Dense(Cell):
        state = ("h",)
        h = p.a * prev.h + R.h @ prev.h + W.h @ x

    assert found(Dense).obstacle == "a product or a normalizer is between the states of two steps"

"""The rules for a class of equations, and the messages about one that breaks them."""

import pytest

from gatewise.cells import (
    LSTM,
    Cell,
    CoupledLSTM,
    PeepholeLSTM,
    R,
    W,
    exp,
    matrices,
    normalize,
    prev,
    sigmoid,
    tanh,
    x,
)
from gatewise.cells.formula import formulas
from gatewise.errors import GatewiseError


def test_repr_names_states_and_gates():
    assert repr(PeepholeLSTM) == "PeepholeLSTM(state: h, c; gates: i, f, o)"


def test_a_subclass_changes_one_line_only():
    changed = {name for name, text in formulas(CoupledLSTM).items() if formulas(PeepholeLSTM)[name] != text}
    assert changed == {"i"}


def test_one_minus_a_gate_is_a_gate_and_a_candidate_is_not():
    assert CoupledLSTM.gates == ("f", "i", "o")
    assert "g" in CoupledLSTM.intermediates


def test_a_line_that_nothing_needs_is_left_out():
    class Ungated(LSTM):
        h = tanh(LSTM.c)

    assert "o" not in Ungated.lines
    assert "o" in LSTM.lines


def test_a_cell_is_not_called():
    with pytest.raises(GatewiseError, match=r"LSTM is a set of equations, .*gatewise.Recurrent\(LSTM"):
        LSTM()


def test_reading_a_state_that_nobody_writes():
    with pytest.raises(GatewiseError, match=r"Odd.h reads prev.c, but state is \('h',\)"):

        class Odd(Cell):
            state = ("h",)
            h = tanh(W.h @ x + prev.c)


def test_a_state_without_a_line():
    with pytest.raises(GatewiseError, match="Odd has a state 'c' but no line c"):

        class Odd(Cell):
            state = ("h", "c")
            h = tanh(W.h @ x)


def test_no_state_at_all():
    with pytest.raises(GatewiseError, match="Odd names no state"):

        class Odd(Cell):
            h = tanh(W.h @ x)


def test_lines_in_a_circle():
    with pytest.raises(GatewiseError, match="depend on each other in a cycle: i -> f -> i"):

        class Odd(LSTM):
            i = 1 - LSTM.f
            f = 1 - LSTM.i


def test_two_names_for_one_expression():
    with pytest.raises(GatewiseError, match=r"Odd.g is the same expression as line 'f'"):

        class Odd(Cell):
            state = ("h",)
            f = sigmoid(W.f @ x)
            g = f
            h = f * g


def test_a_line_that_is_only_another_name():
    with pytest.raises(GatewiseError, match=r"Odd.last is only another name"):

        class Odd(Cell):
            state = ("h",)
            last = prev.h
            h = tanh(W.h @ x + last)


def test_a_value_that_is_not_an_expression():
    with pytest.raises(GatewiseError, match="an equation contains 'two', a str"):
        sigmoid(W.f @ x) * "two"


def test_a_failed_class_leaves_the_shared_notation_as_it_was():
    assert x.line is None
    assert prev.h.line is None
    assert R.h is R["h"]


def test_a_line_replaced_by_a_number():
    with pytest.raises(GatewiseError, match=r"Odd.i replaces a line by 1.0; write an equation"):

        class Odd(LSTM):
            i = 1.0


@pytest.mark.parametrize("names", ["h", ("h", "h")])
def test_states_with_equal_names(names):
    with pytest.raises(GatewiseError, match="expected different names"):

        class Odd(Cell):
            state = names
            h = tanh(W.h @ x)


def test_a_line_of_another_cell_that_is_not_inherited():
    with pytest.raises(GatewiseError, match=r"Odd.h reads the line 'f', which Odd does not have"):

        class Odd(Cell):
            state = ("h",)
            h = LSTM.f * tanh(W.h @ x)


def test_a_name_that_a_cell_needs_for_itself():
    with pytest.raises(GatewiseError, match=r"Odd.source can't be a line"):

        class Odd(Cell):
            state = ("h",)
            source = sigmoid(W.s @ x)
            h = tanh(W.h @ x)


def test_an_initial_bias_for_a_line_that_does_not_exist():
    with pytest.raises(GatewiseError, match=r"Odd.initial_bias names 'keep'"):

        class Odd(LSTM):
            initial_bias = {"keep": 1.0}  # noqa: RUF012


def test_the_old_name_of_the_initial_bias_is_refused():
    with pytest.raises(GatewiseError, match=r"Odd.start is now called Odd.initial_bias; rename it"):

        class Odd(LSTM):
            start = {"f": 1.0}  # noqa: RUF012


def test_what_is_normalized_together_is_there_together():
    class Odd(LSTM):
        o = sigmoid(normalize.m(R.o @ LSTM.c) + normalize.m(R.k @ prev.h))
        h = LSTM.o * tanh(normalize.n(LSTM.c) + W.z @ x)

    assert list(Odd.lines).index("c") < list(Odd.lines).index("o")
    with pytest.raises(GatewiseError, match="depend on each other in a cycle"):

        class Circle(LSTM):
            i = sigmoid(normalize.m(R.i @ prev.h))
            o = sigmoid(normalize.m(R.o @ LSTM.c))


def test_a_gate_is_judged_by_its_own_cell_s_lines():
    class Changed(CoupledLSTM):
        f = tanh(W.f @ x)

    assert Changed.gates == ("o",)


def test_the_docstring_shows_the_equations():
    assert "i = sigmoid(W_i x + R_i h[t-1] + p_i * c[t-1])" in PeepholeLSTM.__doc__
    assert "Source: Gers and Schmidhuber 2000" in PeepholeLSTM.__doc__


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: exp(1.0), "exp of numbers alone is a number"),
        (lambda: W.h @ 2, r"W.h multiplies the number 2; use \* for that"),
        (lambda: matrices("a.b"), "expected a family's name as a plain word"),
    ],
)
def test_notation_that_means_nothing(make, message):
    with pytest.raises(GatewiseError, match=message):
        make()

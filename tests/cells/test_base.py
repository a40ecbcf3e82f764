"""What a class of equations must hold, and what it says when it does not."""

import pytest

from gatewise.cells import LSTM, Cell, CoupledLSTM, PeepholeLSTM, R, W, prev, sigmoid, tanh, x
from gatewise.compiler.formula import formulas
from gatewise.errors import GatewiseError


def test_repr_names_states_and_gates():
    assert repr(PeepholeLSTM) == "PeepholeLSTM(state: h, c; gates: i, f, o)"


def test_a_subclass_changes_one_line_only():
    changed = {name for name, text in formulas(CoupledLSTM).items() if formulas(PeepholeLSTM)[name] != text}
    assert changed == {"i"}


def test_one_minus_a_gate_is_a_gate_and_a_candidate_is_not():
    assert CoupledLSTM.gates == ("f", "i", "o")
    assert "g" in CoupledLSTM.inner


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
    with pytest.raises(GatewiseError, match="wait for each other: i -> f -> i"):

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


def test_a_value_that_is_no_expression():
    with pytest.raises(GatewiseError, match="an equation holds 'two', a str"):
        sigmoid(W.f @ x) * "two"


def test_a_failed_class_leaves_the_shared_notation_as_it_was():
    assert x.line is None
    assert prev.h.line is None
    assert R.h is R["h"]

"""What a layer's options add to the equations, and which values become lines of their own."""

import pytest

from gatewise.cells import GRU, LSTM, RNN, Cell, ChoGRU, LayerNormLSTM, P, R, W, cells, prev, sigmoid, tanh, x
from gatewise.compiler.program import PLAIN, Extras, program, rebuilt


def lines_of(cell, extras=PLAIN):
    """The program's lines as text, by name."""
    return {name: repr(line) for name, line in program(cell, extras).lines.items()}


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN", "PeepholeLSTM", "CoupledLSTM"])
def test_a_cell_whose_products_read_states_and_inputs_stays_as_it_is(name):
    cell = cells()[name]
    made = program(cell, PLAIN)
    assert lines_of(cell) == {name: repr(line) for name, line in cell.lines.items()}
    assert made.states == {name: name for name in cell.state}
    assert made.factors == ()


def test_an_operand_that_is_not_a_line_becomes_one():
    assert lines_of(ChoGRU)["_1"] == "r * h[t-1]"
    assert lines_of(ChoGRU)["n"] == "tanh(W_n x + R_n _1)"


def test_every_normalized_value_becomes_a_line():
    lines = lines_of(LayerNormLSTM)
    assert lines["_1"] == "W_i x"
    assert lines["i"] == "sigmoid(normalize_input(_1) + normalize_hidden(_2))"
    assert lines["h"] == "o * tanh(normalize_memory(c))"  # a line already


def test_a_product_that_is_used_twice_is_computed_once():
    class Twice(Cell):
        state = ("h",)
        a = sigmoid(W.a @ x + R.a @ prev.h)
        g = tanh(W.a @ x)
        h = a * g

    assert lines_of(Twice) == {
        "_1": "W_a x",
        "a": "sigmoid(_1 + R_a h[t-1])",
        "g": "tanh(_1)",
        "h": "a * g",
    }


def test_a_line_that_is_a_shared_product_reads_the_shared_line():
    class Shared(Cell):
        state = ("h",)
        a = W.a @ x
        h = tanh(W.a @ x + R.h @ prev.h) * a

    assert lines_of(Shared) == {"_1": "W_a x", "a": "_1 + 0", "h": "tanh(_1 + R_h h[t-1]) * a"}


def test_a_projection_is_one_more_line_and_the_output():
    made = program(LSTM, Extras(projected=True))
    assert made.states == {"h": "_projected_h", "c": "c"}
    assert repr(made.lines["_projected_h"]) == "projection_ h"


def test_zoneout_mixes_a_state_with_its_old_value():
    made = program(GRU, Extras(zoned=("h",)))
    mixture = made.lines["_next_h"]
    assert made.states == {"h": "_next_h"}
    assert made.factors == ("h",)
    assert mixture.function == "add"
    old, new = (one.operands[1] for one in mixture.operands)
    assert old is prev.h
    assert new.line == "h"


def test_zoneout_of_a_projected_output_follows_the_projection():
    made = program(LSTM, Extras(projected=True, zoned=("h", "c")))
    assert made.states == {"h": "_next_h", "c": "_next_c"}
    assert made.lines["_next_h"].operands[1].operands[1].line == "_projected_h"
    assert made.factors == ("h", "c")


def test_a_mask_applies_to_products_of_the_last_output_alone():
    class Both(Cell):
        state = ("h", "c")
        c = tanh(W.c @ x + R.c @ prev.h + P.c @ prev.c)
        h = c * prev.h

    made = program(Both, Extras(masked=True))
    assert made.factors == ("mask",)
    assert made.lines["_1"].operands[0] is prev.h
    assert made.lines["_1"].operands[1].name == "mask"
    assert [one.operand.line for one in products(made.lines["c"])] == [None, "_1", None]
    assert made.lines["h"].operands[1] is prev.h


def products(line):
    """The products inside a line."""
    for one in line.operands:
        if type(one).__name__ == "Product":
            yield one
        elif one.line is None:
            yield from products(one)


def test_the_equations_of_the_cell_are_left_alone():
    before = {name: repr(line) for name, line in RNN.lines.items()}
    program(RNN, Extras(projected=True, zoned=("h",), masked=True))
    assert {name: repr(line) for name, line in RNN.lines.items()} == before


def test_rebuilt_keeps_lines_and_changes_all_else():
    seen = []

    def change(one):
        seen.append(repr(one))
        return one

    rebuilt(LSTM.lines["c"], change)
    rebuilt(LSTM.lines["h"], change)
    assert seen == ["f * c[t-1]", "i * g", "tanh(c)"]

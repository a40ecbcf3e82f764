"""How a step is split into stages: products that share a register, rows that must be whole."""

import pytest

from gatewise.cells import GRU, LSTM, RNN, Cell, ChoGRU, LayerNormLSTM, R, W, cells, mdrnn, prev, tanh, x
from gatewise.compiler.program import Extras
from gatewise.compiler.stages import MOST_SUMS, RowLocation, Slot, lines_read, plan, previous_place

INPUT = RowLocation("input")


def test_products_of_one_sum_share_a_register():
    (stage,) = plan(LSTM).stages
    blocks = ("i", "f", "g", "o")
    assert stage.slots == (
        Slot(INPUT, tuple((number, "W", block) for number, block in enumerate(blocks))),
        Slot(RowLocation("previous", 0), tuple((number, "R", block) for number, block in enumerate(blocks))),
    )
    assert list(stage.lines) == ["i", "f", "g", "c", "o", "h"]
    assert (stage.first_sum, stage.sums, stage.width) == (0, 4, "hidden")


def test_a_product_that_a_gate_multiplies_has_a_sum_of_its_own():
    (stage,) = plan(GRU).stages
    assert stage.slots[0].products == ((0, "W", "r"), (1, "W", "z"), (3, "W", "n"))
    assert stage.slots[1].products == ((0, "R", "r"), (1, "R", "z"), (2, "R", "n"))
    assert plan(GRU).biases == (
        (0, "W", "r"), (0, "R", "r"), (1, "W", "z"), (1, "R", "z"), (2, "R", "n"), (3, "W", "n"),
    )  # fmt: skip


def test_a_product_of_a_value_of_the_step_begins_a_stage():
    first, second = plan(ChoGRU).stages
    assert list(first.lines) == ["r", "z", "_1"]
    assert list(second.lines) == ["n", "h"]
    assert second.slots == (
        Slot(INPUT, ((0, "W", "n"),)),
        Slot(RowLocation("kept", 2), ((0, "R", "n"),)),
    )
    assert (second.first_sum, second.sums) == (2, 1)


def test_a_normalizer_waits_for_all_that_it_takes_together():
    made = plan(LayerNormLSTM)
    assert [list(stage.lines) for stage in made.stages] == [
        ["_1", "_3", "_5", "_7"],
        ["_2", "_4", "_6", "_8"],
        ["i", "f", "g", "c", "o"],
        ["h"],
    ]
    assert [stage.normalizers for stage in made.stages] == [(), (), (0, 1), (2,)]
    assert [group for group, _ in made.normalizers] == ["input", "hidden", "memory"]
    assert made.normalizers[2][1] == (RowLocation("state", 1),)
    assert made.biases == ()  # the normalizers' shifts take their place


def test_threads_meet_before_they_read_what_others_write():
    assert [stage.synchronizes for stage in plan(LayerNormLSTM).stages] == [False, True, True, True]
    assert [stage.synchronizes for stage in plan(ChoGRU).stages] == [True, True]

    class Feedforward(Cell):
        state = ("h",)
        h = tanh(W.h @ x)

    assert [stage.synchronizes for stage in plan(Feedforward).stages] == [False]


def test_the_projection_is_a_stage_of_the_outputs_width():
    first, second = plan(LSTM, Extras(projected=True)).stages
    assert (first.width, second.width) == ("hidden", "output")
    assert list(second.lines) == ["_projected_h"]
    assert second.slots == (Slot(RowLocation("kept", 4), ((0, "projection", ""),)),)


def test_a_level_of_many_sums_is_split_evenly():
    made = plan(cells()["FullGateRecurrenceLSTM"])
    assert all(stage.sums <= MOST_SUMS for stage in made.stages)

    names = [f"a_{k}" for k in range(8)]
    lines = {name: tanh(W[name] @ x + R[name] @ prev.h) for name in names}
    total = lines["a_0"]
    for name in names[1:]:
        total = total + lines[name]
    wide = type(Cell)("Wide", (Cell,), {"state": ("h",), **lines, "h": total})
    assert [stage.sums for stage in plan(wide).stages] == [4, 4]
    assert list(plan(wide).stages[1].lines)[-1] == "h"


@pytest.mark.parametrize("name", list(cells()))
def test_every_line_is_in_one_stage_and_after_all_that_it_reads(name):
    made = plan(cells()[name])
    order = [line for stage in made.stages for line in stage.lines]
    assert sorted(order) == sorted(made.program.lines)
    known = set()
    for stage in made.stages:
        for line, value in stage.lines.items():
            assert set(lines_read(value)) <= known
            known.add(line)
    assert made.sums == sum(stage.sums for stage in made.stages)


def test_where_a_row_is():
    made = plan(LSTM)
    assert made.intermediates == ("i", "f", "g", "o")
    assert [made.location(line) for line in ("h", "c", "g")] == [
        RowLocation("state", 0),
        RowLocation("state", 1),
        RowLocation("kept", 2),
    ]


def test_on_a_lattice_each_axis_has_a_slot():
    cell = mdrnn(2)
    (stage,) = plan(cell).stages
    assert [slot.operand for slot in stage.slots] == [
        INPUT,
        RowLocation("previous", 0),
        RowLocation("previous", 1),
    ]
    assert [previous_place(cell, one) for one in cell.previous.values()] == [0, 1]


def test_a_plan_is_made_once():
    assert plan(RNN) is plan(RNN)

"""The kernels of GPUs as text: of six cells as it was checked, of all cells complete. Needs no Triton."""

import ast
import hashlib
import re
from pathlib import Path

import pytest

from gatewise.cells import LSTM, Cell, R, W, cells, prev, tanh, x
from gatewise.cells.functions import FUNCTIONS
from gatewise.cells.grid import grid
from gatewise.cells.multidimensional import mdgru, mdlstm
from gatewise.compiler import triton
from gatewise.compiler.constants import with_constants
from gatewise.compiler.functions import SIGNS
from gatewise.compiler.heads import by_head, depends_on_heads, for_units
from gatewise.compiler.layout import projection_obstacle
from gatewise.compiler.program import PLAIN, Extras
from gatewise.compiler.stages import plan
from gatewise.compiler.triton_resident import resident_kernels
from gatewise.compiler.triton_source import kernels

OF_VECTORS = [one for one in cells().values() if not one.matrix_states and by_head(one) is None]
CHECKED = {  # the first digits of the SHA-256 of texts that agreed with the reference
    "LSTM": "6125c21bfa34",
    "PeepholeLSTM": "9f983d960b8a",
    "GRU": "b76d0ec80245",
    "ChoGRU": "2a4b1c0260bb",
    "LayerNormLSTM": "5cc3db93f04a",
    "IndRNN": "5fc4d0118021",
    "SLSTM": "b8bd88f2599d",
    "MDLSTM2": "cf8c51b6f870",
    "Grid2LSTM": "e10c5fd64f13",
}
LATTICES = {one.__name__: one for one in (mdlstm(2), grid(2))}


def text_of(made):
    return "\n\n".join(one.text for one in (*kernels(made).forward, *kernels(made).backward))


def test_the_text_of_a_small_cell():
    assert text_of(plan(cells()["RNN"])) == Path(__file__).with_name("rnn_kernels.txt").read_text()


@pytest.mark.parametrize("name", CHECKED)
def test_texts_are_those_that_were_checked(name):
    """After a change of the text run `make test-triton`, then correct the digest."""
    cell = LATTICES.get(name) or cells()[name]
    digest = hashlib.sha256(kernels(plan(cell)).text.encode()).hexdigest()
    assert digest[:12] == CHECKED[name]


def assert_names_are_defined(made):
    functions = {one.name: one for one in ast.parse(made.text).body if isinstance(one, ast.FunctionDef)}
    between = [kernel for one in made.scan for kernel in (one.forward, one.backward, one.carry)]
    for kernel in (*made.forward, *made.backward, *between):
        own = functions[kernel.name]
        assert tuple(one.arg for one in own.args.args) == kernel.arguments
        names = [one for one in ast.walk(own) if isinstance(one, ast.Name)]
        assigned = {one.id for one in names if isinstance(one.ctx, ast.Store)}
        assert {one.id for one in names} <= assigned | {
            *kernel.arguments,
            *functions,
            "tl",
            "triton",
            "range",
        }


@pytest.mark.parametrize("cell", OF_VECTORS, ids=lambda one: one.__name__)
def test_every_name_in_a_kernel_is_defined(cell):
    cell = with_constants(for_units(cell) if depends_on_heads(cell) else cell)[0]
    zoned = tuple(name for name in cell.state if name in cell.previous)
    every = [PLAIN, Extras(zoned=zoned, masked=True)]
    if projection_obstacle(cell) is None:
        every.append(Extras(True, zoned, True))
    for extras in every:
        assert_names_are_defined(kernels(plan(cell, extras)))


def test_sums_and_products_are_of_numbers_inside_the_width():
    for cell in (cells()["LayerNormLSTM"], cells()["PeepholeLSTM"]):
        text = resident_kernels(plan(cell)).text + kernels(plan(cell)).text
        found = re.findall(r"tl\.(?:sum|dot)\((.{8})", text)
        assert len(found) > 10
        assert set(found) == {"tl.where"}


@pytest.mark.parametrize("cell", [mdgru(2), mdlstm(3, peephole=True), grid(2, priority=(1,))])
def test_every_name_in_a_kernel_of_a_lattice_is_defined(cell):
    assert_names_are_defined(kernels(plan(cell)))


def test_no_name_of_a_cell_is_code():
    class Awkward(Cell):
        state = ("tl", "t")
        rows = tanh(W.inside @ x + R.inside @ prev.tl)
        t = rows + prev.t
        tl = tanh(t)

    assert kernels(plan(Awkward)).text.count("tl = ") == 0


def test_every_function_has_a_row():
    assert set(triton.FUNCTIONS) | set(SIGNS) | {"negate"} == set(FUNCTIONS)


def test_one_launch_runs_all_steps_where_no_product_is_between_two():
    names = [one.__name__ for one in OF_VECTORS if kernels(plan(with_constants(one)[0])).runs_all_steps]
    assert names == ["MinGRU", "MinLSTM", "LRU", "RGLRU", "SRU", "QRNN", "IndRNN"]


def test_a_program_owns_whole_rows_where_a_normalizer_needs_them():
    made = kernels(plan(cells()["LayerNormLSTM"]))
    assert [one.whole_rows for one in made.forward] == [False, False, True, True]
    assert [one.whole_rows for one in made.backward] == [True, True, True, True]
    assert not any(one.whole_rows for one in kernels(plan(LSTM)).forward)

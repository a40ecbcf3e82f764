"""Cells by name, and a user's own from a file."""

import pytest

from gatewise.cells import (
    LSTM,
    RNN,
    Cell,
    PeepholeLSTM,
    back,
    cells,
    find_cell,
    grid,
    lattice_cells,
    leaky_mdlstm,
    mdgru,
    mdlstm,
    tanh,
)
from gatewise.cells.catalogue import require_sequence
from gatewise.cells.formula import formulas
from gatewise.cells.serialization import from_data, to_data
from gatewise.errors import GatewiseError

OWN = '''
from gatewise.cells import Cell, R, W, prev, sigmoid, tanh, x


class Minimal(Cell):
    """One gate that keeps or writes."""

    state = ("h",)
    f = sigmoid(W.f @ x + R.f @ prev.h)
    h = f * prev.h + (1 - f) * tanh(W.g @ x)
'''


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("lstm", LSTM),
        ("LSTM", LSTM),
        ("rnn", RNN),
        ("peephole", PeepholeLSTM),
        ("peephole-lstm", PeepholeLSTM),
    ],
)
def test_names(name, cell):
    assert find_cell(name) is cell


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("mdlstm", mdlstm(2)),
        ("mdlstm2", mdlstm(2)),
        ("MDLSTM-3", mdlstm(3)),
        ("mdlstm1", mdlstm(1)),
        ("md_gru4", mdgru(4)),
        ("leaky-mdlstm", leaky_mdlstm(2)),
        ("grid", grid(2)),
        ("grid3", grid(3)),
        ("Grid3LSTM", grid(3)),
        ("gridlstm3", grid(3)),
        ("grid-rnn", grid(2, "rnn")),
        ("peephole-mdlstm", mdlstm(2, peephole=True)),
    ],
)
def test_names_of_a_lattice_s_cells(name, cell):
    found = find_cell(name)
    assert found.__name__ == cell.__name__
    assert formulas(found) == formulas(cell)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_every_cell_of_a_lattice_is_found_by_its_own_name_and_has_its_axes(axes):
    for name, cell in lattice_cells(axes).items():
        assert find_cell(name) is find_cell(name.lower()) is cell
        assert (cell.axes, cell.of_lattice) == (axes, True)
        assert cell.source != "a user's own"
        assert formulas(from_data(to_data(cell))) == formulas(cell)


def test_no_cell_of_sequences_is_taken_for_one_of_a_lattice(cell):
    assert not cell.of_lattice
    assert not set(cells()) & set(lattice_cells(1))
    require_sequence(cell)


def test_where_a_sequence_is_needed_a_lattice_is_refused():
    with pytest.raises(GatewiseError, match=r"^MDLSTM1 is a cell of a lattice; give one of seq"):
        require_sequence(find_cell("mdlstm1"))

    class Own(Cell):
        state = ("h",)
        h = tanh(0.5 * back[2].h)

    with pytest.raises(GatewiseError, match=r"^Own is a cell of a lattice; do otherwise$"):
        require_sequence(Own, "do otherwise")


@pytest.mark.parametrize("name", ["mdlstm0", "mdlstm10", "3mdlstm", "mdlstm2x", "grid2lstm2", "md2", "grid-"])
def test_what_only_resembles_a_lattice_s_cell(name):
    if name in ("md2", "grid-"):  # short for mdlstm2 and grid, as peephole is for PeepholeLSTM
        assert find_cell(name).of_lattice
    else:
        with pytest.raises(GatewiseError, match=f"there is no cell '{name}'; .* and of lattices MDRNN2, MD"):
            find_cell(name)


def test_every_built_in_cell_has_a_source_and_a_description(cell):
    assert cell.source != "a user's own"
    assert cell.about.endswith((".", "it."))


def test_there_are_all_cells_of_the_family():
    assert len(cells()) == 31


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(GatewiseError, match=r"there is no cell 'lstn'; the built-in ones are RNN, .*LSTM"):
        find_cell("lstn")


def test_a_cell_from_a_file(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    assert repr(find_cell(f"{path}:Minimal")) == "Minimal(state: h; gates: f)"


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (OWN, "Other", "has no cell 'Other'; the cells in it: Minimal"),
        ("1 / 0", "Minimal", "can't be executed: ZeroDivisionError"),
        (OWN.replace("prev.h + (1", "prev.c + (1"), "Minimal", "Minimal.h reads prev.c"),
    ],
)
def test_a_file_that_holds_something_else(tmp_path, text, name, message):
    path = tmp_path / "own.py"
    path.write_text(text)
    with pytest.raises(GatewiseError, match=message):
        find_cell(f"{path}:{name}")


def test_a_file_that_is_not_there():
    with pytest.raises(GatewiseError, match=r"there is no file 'nowhere.py'"):
        find_cell("nowhere.py:Cell")
    with pytest.raises(GatewiseError, match=r"expected FILE.py:Name"):
        find_cell("nowhere.py")

"""Cells by name, and a user's own from a file."""

import pytest

from gatewise.cells import LSTM, RNN, PeepholeLSTM, cells, find_cell
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


def test_every_built_in_cell_tells_its_source_and_what_it_is(cell):
    assert cell.source != "a user's own"
    assert cell.about.endswith((".", "it."))


def test_there_are_all_cells_of_the_family():
    assert len(cells()) == 18


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
        ("1 / 0", "Minimal", "fails when it is read: ZeroDivisionError"),
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

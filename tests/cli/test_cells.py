"""`gatewise cells`: all cells listed, and the equations of one."""

import re

import pytest

import gatewise
from gatewise.cells import cells, find_cell, lattice_cells
from gatewise.cells.formula import formulas
from gatewise.cli.main import main

OWN = """
from gatewise.cells import Cell, R, W, back, tanh, x


class Mean(Cell):
    '''The mean of the neighbours, and what is new.'''

    state = ("h",)
    h = tanh(W.h @ x + R.h @ (0.5 * back[1].h + 0.5 * back[2].h))
"""


@pytest.fixture
def output(monkeypatch, capsys):
    """What the verb prints."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["cells", *arguments])
        assert end.value.code == 0
        return capsys.readouterr().out

    return run


def test_all_cells_are_listed_those_of_lattices_apart(output):
    sequences, lattices, note = output().split("\n\n")
    assert [line.split()[0] for line in sequences.splitlines()] == ["cell", *cells()]
    assert lattices.startswith("lattice cell ")
    assert [line.split()[0] for line in lattices.splitlines()[1:]] == list(lattice_cells())
    for line, cell in zip(lattices.splitlines()[1:], lattice_cells().values(), strict=True):
        columns = re.split(r" {2,}", line.strip())
        gates = [" ".join(cell.gates)] if cell.gates else []
        assert columns == [cell.__name__, " ".join(cell.state), *gates, cell.about]
    for name in re.findall(r"mdlstm\d|grid\dgru", note):
        assert find_cell(name).of_lattice


@pytest.mark.parametrize("name", ["lstm", "mdlstm", "mdlstm3", "leaky-mdlstm2", "grid", "grid3gru"])
def test_one_cell_with_equations_states_gates_and_source(output, name):
    cell = find_cell(name)
    shown = output(name)
    assert shown.startswith(f"{cell.__name__}: {cell.about}\n")
    equations = dict(re.findall(r"^    (\w+) += (.*)$", shown, re.MULTILINE))
    assert equations == formulas(cell)
    assert f"\nstates: {', '.join(cell.state)}\n" in shown
    assert f"\ngates:  {', '.join(cell.gates) or 'none'}\n" in shown
    assert f"\nsource: {cell.source}\n" in shown
    assert ("one back along axis 1" in shown) == cell.of_lattice
    assert ("[t-1] is the step before" in shown) != cell.of_lattice


def test_a_lattice_s_cell_of_ones_own(output, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    shown = output(f"{tmp_path / 'own.py'}:Mean")
    assert "h = tanh(W_h x + R_h (0.5 * h[p-e1] + 0.5 * h[p-e2]))" in shown
    assert "[p-e1] is the position one back along axis 1" in shown


def test_the_step_of_a_cell_is_drawn(output, tmp_path, capsys):
    shown = output("gru", "--draw", str(tmp_path / "gru.svg"))
    assert shown.endswith(f"wrote {tmp_path / 'gru.svg'}: one step; open it in a browser\n")
    assert (tmp_path / "gru.svg").read_text(encoding="utf-8") == gatewise.draw("gru").svg
    for arguments, message in (
        (["gru", "--draw", "gru.png"], "expected a path that ends in .svg, got 'gru.png'"),
        (["--draw", "all.svg"], "--draw needs the name of a cell"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["cells", *arguments])
        assert end.value.code == 2
        assert message in capsys.readouterr().err

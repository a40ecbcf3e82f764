"""Finds cells by name, built-in or in a user's Python file."""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from gatewise.cells import (
    gru,
    gru_d,
    layer_norm,
    light,
    linear_recurrent,
    lstm,
    min_gru,
    mogrifier,
    peephole,
    phased,
    rnn,
    use_gate,
    variants,
    xlstm,
)
from gatewise.cells.base import Cell, CellType
from gatewise.cells.grid import grid
from gatewise.cells.multidimensional import leaky_mdlstm, mdgru, mdlstm, mdrnn
from gatewise.errors import GatewiseError

FAMILIES = (
    rnn, lstm, peephole, variants, use_gate, gru, gru_d, layer_norm, mogrifier, xlstm, min_gru,
    linear_recurrent, light, phased,
)  # fmt: skip
LATTICES: dict[str, Callable[[int], CellType]] = {  # functions of the number of axes
    "mdrnn": mdrnn,
    "mdgru": mdgru,
    "mdlstm": mdlstm,
    "peepholemdlstm": partial(mdlstm, peephole=True),
    "leakymdlstm": leaky_mdlstm,
    "gridlstm": grid,
    "gridgru": partial(grid, transform="gru"),
    "gridrnn": partial(grid, transform="rnn"),
}
USUAL_AXES = 2


def cells() -> dict[str, CellType]:
    """Every built-in cell of sequences, by the name of its class."""
    return {
        name: value
        for family in FAMILIES
        for name, value in vars(family).items()
        if isinstance(value, CellType) and value.__module__ == family.__name__
    }


def lattice_cells(axes: int = USUAL_AXES) -> dict[str, CellType]:
    """Every built-in cell of a lattice of N axes, by the name of its class.

    >>> list(lattice_cells(3))[2:]
    ['MDLSTM3', 'PeepholeMDLSTM3', 'LeakyMDLSTM3', 'Grid3LSTM', 'Grid3GRU', 'Grid3RNN']
    """
    return {cell.__name__: cell for cell in (make(axes) for make in LATTICES.values())}


def find_cell(name: str) -> CellType:
    """A built-in cell by name (in any case; "peephole" means PeepholeLSTM), or `FILE.py:Name`.

    The name of a lattice cell contains the number of axes, 1 to 9; two by default.

    >>> find_cell("peephole"), find_cell("mdlstm3")
    (PeepholeLSTM(state: h, c; gates: i, f, o), MDLSTM3(state: h, c; gates: i, f_1, f_2, f_3, o))

    Raises: `GatewiseError` if there is no such cell, file, or class in the file.
    """
    if not name.strip():
        raise GatewiseError(f"expected a cell's name, got {name!r}; {_built_in()}")
    if ":" in name or name.endswith(".py"):
        return _from_file(name)
    known = {built_in.lower(): cell for built_in, cell in cells().items()}
    wanted = name.lower().replace("-", "").replace("_", "")
    for candidate in (wanted, wanted + "lstm"):
        if candidate in known:
            return known[candidate]
    of_lattice = re.fullmatch(r"([a-z]+)([1-9]?)([a-z]*)", wanted)
    if of_lattice is not None:
        before, axes, after = of_lattice.groups()
        for candidate in (before + after, before + after + "lstm"):
            if candidate in LATTICES:
                return LATTICES[candidate](int(axes or USUAL_AXES))
    raise GatewiseError(f"there is no cell {name!r}; {_built_in()}; your own is given as FILE.py:Name")


def require_sequence(cell: CellType, instead: str = "give one of sequences, such as lstm") -> None:
    """Raises: `GatewiseError` if the cell is one of a lattice. instead: what to do, for the message"""
    if cell.of_lattice:
        raise GatewiseError(f"{cell.__name__} is a cell of a lattice; {instead}")


def is_decaying(cell: CellType) -> bool:
    """Whether a cell is `GRUD`, or a variant of it."""
    return issubclass(cell, gru_d.GRUD)


def refuse_decaying(cell: CellType) -> None:
    """Raises: `GatewiseError` if the cell is `GRUD`, where values are complete and times regular."""
    if is_decaying(cell):
        raise GatewiseError(
            f"the cell {cell.__name__} reads the time since values were observed; give --fill mask, or "
            "--irregular to classify, regress or label, or another cell such as gru"
        )


def _built_in() -> str:
    return f"the built-in ones are {', '.join(cells())}, and of lattices {', '.join(lattice_cells())}"


def _from_file(name: str) -> CellType:
    path, _, wanted = name.rpartition(":")
    path = str(Path(path).expanduser()) if path else path
    if not path or not wanted:
        raise GatewiseError(f"expected FILE.py:Name for a cell of your own, got {name!r}")
    if not Path(path).is_file():
        raise GatewiseError(f"there is no file {path!r} to read the cell {wanted!r} from")
    sys.path.insert(0, str(Path(path).resolve().parent))  # for imports of files beside it
    try:
        found = runpy.run_path(path)
    except GatewiseError:
        raise
    except Exception as error:
        raise GatewiseError(f"{path} can't be executed: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    own = [key for key, value in found.items() if isinstance(value, CellType) and value is not Cell]
    if wanted not in own:
        raise GatewiseError(f"{path} has no cell {wanted!r}; the cells in it: {', '.join(own) or 'none'}")
    cell: CellType = found[wanted]
    return cell

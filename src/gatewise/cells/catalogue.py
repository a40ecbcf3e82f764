"""The cells by name, and a user's own from a file."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from gatewise.cells import gru, layer_norm, lstm, peephole, rnn, use_gate, variants
from gatewise.cells.base import Cell, CellType
from gatewise.errors import GatewiseError

FAMILIES = (rnn, lstm, peephole, variants, use_gate, gru, layer_norm)


def cells() -> dict[str, CellType]:
    """Every built-in cell, by its class's name."""
    return {
        name: value
        for family in FAMILIES
        for name, value in vars(family).items()
        if isinstance(value, CellType) and value.__module__ == family.__name__
    }


def find_cell(name: str) -> CellType:
    """A built-in cell by name (case is free, "peephole" means PeepholeLSTM), or `FILE.py:Name`.

    >>> find_cell("peephole")
    PeepholeLSTM(state: h, c; gates: i, f, o)

    Errors: `GatewiseError` where there is no such cell, file, or class in the file.
    """
    if not name.strip():
        raise GatewiseError(
            f"expected a cell's name, got {name!r}; the built-in ones are {', '.join(cells())}"
        )
    if ":" in name or name.endswith(".py"):
        return _from_file(name)
    known = {built_in.lower(): cell for built_in, cell in cells().items()}
    wanted = name.lower().replace("-", "").replace("_", "")
    for candidate in (wanted, wanted + "lstm"):
        if candidate in known:
            return known[candidate]
    raise GatewiseError(
        f"there is no cell {name!r}; the built-in ones are {', '.join(cells())}; "
        "your own is given as FILE.py:Name"
    )


def _from_file(name: str) -> CellType:
    path, _, wanted = name.rpartition(":")
    path = str(Path(path).expanduser()) if path else path
    if not path or not wanted:
        raise GatewiseError(f"expected FILE.py:Name for a cell of your own, got {name!r}")
    if not Path(path).is_file():
        raise GatewiseError(f"there is no file {path!r} to read the cell {wanted!r} from")
    sys.path.insert(0, str(Path(path).resolve().parent))  # so that it finds the files beside it
    try:
        found = runpy.run_path(path)
    except GatewiseError:
        raise
    except Exception as error:
        raise GatewiseError(f"{path} fails when it is read: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    own = [key for key, value in found.items() if isinstance(value, CellType) and value is not Cell]
    if wanted not in own:
        raise GatewiseError(f"{path} has no cell {wanted!r}; the cells in it: {', '.join(own) or 'none'}")
    cell: CellType = found[wanted]
    return cell

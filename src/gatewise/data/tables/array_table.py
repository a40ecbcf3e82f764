"""Tables from files of NumPy arrays: the columns of an array, or an array for each column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.images.array_file import read_array, read_arrays
from gatewise.data.tables.dialect import name_columns
from gatewise.data.tables.names import MAX_NAMED
from gatewise.errors import GatewiseError

ARRAYS = (".npy", ".npz")
EXPECTED = "an array [rows] or [rows, columns], or several with as many rows"


def read_array_table(path: Path) -> pl.DataFrame:
    """Reads a .npy file with one array, or a .npz file with one or several, without executing code from it.

    The columns of an array [rows, columns] are called 1, 2 and so on, after the name of the array if there
    are several; an array [rows] is a column of its name.

    Raises: `GatewiseError` if a file or an array is not of this kind.
    """
    has_names = path.suffix.lower() == ".npz"
    arrays = read_arrays(path, None, EXPECTED) if has_names else {"value": read_array(path)}
    columns: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if array.ndim == 1:
            columns[name] = array
        elif array.ndim == 2:
            before = f"{name} " if len(arrays) > 1 else ""
            names = name_columns(array.shape[1])
            columns |= {f"{before}{one}": column for one, column in zip(names, array.T, strict=True)}
        else:
            raise GatewiseError(f"{path}: {name} has the shape {list(array.shape)}; expected {EXPECTED}")
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} has {size}" for name, size in list(sizes.items())[:MAX_NAMED])
        raise GatewiseError(f"{path}: {listed} rows; expected {EXPECTED}")
    return pl.DataFrame({name: np.ascontiguousarray(column) for name, column in columns.items()})

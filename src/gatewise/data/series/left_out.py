"""Series without their missing ends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gatewise.data.series.regular import Grid
from gatewise.data.tables.names import name_some
from gatewise.errors import GatewiseError


class Trimmed(NamedTuple):
    """Grids without steps before the first and after the last value, and a note on what was cut off."""

    grids: dict[str, Grid]
    notes: list[str]


def without_missing_ends(grids: dict[str, Grid], target: np.ndarray, name: str, keep_end: bool) -> Trimmed:
    """Cuts off the steps before the first and after the last value of the target.

    A series without any value is left out.

    name: of the target; keep_end: whether later steps stay, for covariates that are known there

    Raises: `GatewiseError` if no series has a value.
    """
    kept, cut, empty, before, after = {}, [], [], 0, 0
    for series, grid in grids.items():
        end = grid.history(target)
        if not end:
            empty.append(series)
            continue
        first = int((~np.isnan(grid.cells(target))).argmax())
        last = len(grid) if keep_end else end
        before, after = before + first, after + len(grid) - last
        cut += [series] * (first > 0 or last < len(grid))
        kept[series] = grid.between(first, last)
    if not kept:
        raise GatewiseError(f"{next(iter(grids.values())).table.path}: the column {name!r} has no value")
    notes = []
    if cut:
        notes.append(
            f"missing values that were cut off: {before} at the beginning and {after} at the end of "
            f"{name_some(cut)}"
        )
    if empty:
        notes.append(f"series without a value that are left out: {name_some(empty)}")
    return Trimmed(kept, notes)

"""Checks whether a table of sequences was read with the wrong columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gatewise.data.sequences.sequences import SequenceTable
from gatewise.errors import GatewiseError

NUMBERED = re.compile(r"(.*?)(\d+)")
FEW = 10  # different labels, which are always accepted as classes


def require_steps(
    table: SequenceTable, option: str | None = "--id COLUMN", wide_option: str | None = None
) -> SequenceTable:
    """The table, with a note if some of its sequences have only one step.

    option: that names the column of ids, for messages; None if there is no such column
    wide_option: that reads each row as a sequence; None if there is none

    Raises: `GatewiseError` if all have only one step: a row is not a step, or the column is wrong.
    """
    short = int((table.sizes < 2).sum())
    if not short:
        return table
    if short < len(table):
        note = f"{short:,} of {len(table):,} sequences have only one step"
        return replace(table, notes=(*table.notes, note))
    wide = _numbered(table.channels)
    guess = f"; its columns {wide} look like the steps of a sequence in each row" if wide else ""
    guess += f" ({wide_option} reads them so)" if wide and wide_option else ""
    other = f", or name the column that identifies sequences with {option}" if option else ""
    raise GatewiseError(
        f"{table.path}: every sequence ({len(table):,} of them) has only one step{guess}; expected a row for "
        f"each step: unpivot the file to columns id, step, value{other}"
    )


def require_classes(path: str, names: Sequence[str], count: int, counted: str) -> None:
    """Raises: `GatewiseError` if labels are measurements, or none of them occurs twice.

    names: of all labels; count: the number of labelled examples; counted: their name in the plural
    """
    measured = any(map(_is_fraction, names))
    if len(names) <= FEW or len(names) <= (count // 2 if measured else count - 1):
        return
    raise GatewiseError(
        f"{path} has {len(names):,} different labels for {count:,} {counted}, such as {names[0][:30]!r} and "
        f"{names[1][:30]!r}: {'measurements' if measured else 'names of examples'} are not classes; name the "
        "column of the labels with --label COLUMN"
    )


def _numbered(channels: Sequence[str]) -> str:
    """Columns such as t0, t1, t2 in a few words; "" if they are not numbered."""
    found = [NUMBERED.fullmatch(name.strip()) for name in channels]
    if len(channels) < 3 or not all(found):
        return ""
    parts = [(one[1], int(one[2])) for one in found if one is not None]
    same = len({prefix for prefix, _ in parts}) == 1
    follow = bool((np.diff([number for _, number in parts]) == 1).all())
    return f"{channels[0]} to {channels[-1]}" if same and follow else ""


def _is_fraction(name: str) -> bool:
    try:
        return not float(name).is_integer()
    except ValueError:
        return False

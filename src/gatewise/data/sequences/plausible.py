"""What tells that a table of sequences was read with the wrong columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gatewise.data.sequences.sequences import SequenceTable
from gatewise.errors import GatewiseError

NUMBERED = re.compile(r"(.*?)(\d+)")
FEWEST = 10  # labels that must differ before they are taken for measurements


def require_steps(table: SequenceTable, option: str | None = "--id COLUMN") -> SequenceTable:
    """The table, with a note where some of its sequences have one step only.

    option: what names the column that tells sequences apart, None where there is no such column

    Errors: `GatewiseError` where all have: a row is no step then, or the column is the wrong one.
    """
    short = int((table.sizes < 2).sum())
    if not short:
        return table
    if short < len(table):
        note = f"{short:,} of {len(table):,} sequences have one step only"
        return replace(table, notes=(*table.notes, note))
    wide = _numbered(table.channels)
    told = f"; its columns {wide} look like the steps of a sequence in each row" if wide else ""
    other = f", or name the column that tells sequences apart with {option}" if option else ""
    raise GatewiseError(
        f"{table.path}: every sequence ({len(table):,} of them) has one step only{told}; expected a row for "
        f"each step: unpivot the file to columns id, step, value{other}"
    )


def require_classes(path: str, names: Sequence[str], count: int, counted: str) -> None:
    """Errors: `GatewiseError` where labels are measurements, or none of them comes twice.

    names: of all labels; count: how many examples have one; counted: what these are called, in the plural
    """
    measured = any(map(_is_fraction, names))
    if len(names) <= FEWEST or len(names) <= (count // 2 if measured else count - 1):
        return
    raise GatewiseError(
        f"{path} has {len(names):,} different labels for {count:,} {counted}, such as {names[0][:30]!r} and "
        f"{names[1][:30]!r}: {'measurements' if measured else 'names of examples'} are no classes; name the "
        "column of the labels with --label COLUMN"
    )


def _numbered(channels: Sequence[str]) -> str:
    """Columns like t0, t1, t2 in a few words; "" where they are no such columns."""
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

"""Checks of cells that are parsed as numbers: `1.005` beside `998` may mean 1005."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from gatewise.errors import GatewiseError

DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+")
GROUPED = re.compile(r"[-+]?\d{1,3}(?:([.,' _\u2019\u00a0\u202f])\d{3})(?:\1\d{3})*(?:[.,]\d*)?")
DOTTED = r"^[-+]?[1-9]\d{0,2}\.\d{3}$"  # a number with three decimals, or thousands
SHORT = r"^[-+]?\d{1,3}$"


def advice(cell: str) -> str:
    """Advice on a cell that is not a number but looks like one, else an empty text."""
    if DECIMAL_COMMA.fullmatch(cell) and not re.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}", cell):
        return " (write decimals with a point)"
    if GROUPED.fullmatch(cell):
        return " (write it without thousands separators, and decimals with a point)"
    return ""


@dataclass
class Thousands:
    """Detects points that may be thousands separators, over the pieces of a column.

    strict: whether cells such as 1.005 are enough; if not, one must end in 0, which decimals rarely do

    >>> thousands = Thousands(strict=True)
    >>> thousands.add(pl.Series(["998", "1.005"]), place=lambda row: f"line {row + 2}")
    >>> thousands.dotted, thousands.place
    ('1.005', 'line 3')
    """

    strict: bool
    possible: bool = True
    short: str | None = None
    dotted: str | None = None
    place: str = ""  # of the first dotted cell
    ends_in_zero: bool = False

    def add(self, cells: pl.Series, place: Callable[[int], str]) -> None:
        """Adds the next cells of the column.

        cells: texts, null where empty; place: returns the place of a row, for messages
        """
        if not self.possible:
            return
        dotted = cells.str.contains(DOTTED).fill_null(False)
        short = cells.str.contains(SHORT).fill_null(False)
        self.possible = bool((dotted | short | cells.is_null()).all())
        if self.short is None and short.any():
            self.short = cells[int(short.arg_max() or 0)]
        if dotted.any():
            if self.dotted is None:
                row = int(dotted.arg_max() or 0)
                self.dotted, self.place = cells[row], place(row)
            self.ends_in_zero |= bool(cells.filter(dotted).str.ends_with("0").any())

    def check(self, path: str, name: str) -> None:
        """Raises: `GatewiseError` with a place, if points may be thousands separators."""
        if not self.possible or self.short is None or self.dotted is None:
            return
        if self.strict or self.ends_in_zero:
            raise GatewiseError(
                f"{path}, {self.place}, column {name!r}: {self.dotted!r} beside {self.short!r} may be "
                f"{self.dotted.replace('.', '')} or a decimal number; write thousands without separators, or "
                f"decimals with as many digits in every row ({self.short}.000)"
            )

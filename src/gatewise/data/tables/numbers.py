"""Cells of text as numbers, with marks between thousands refused: `1.005` beside `998` may be 1005."""

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


def hint(cell: str) -> str:
    """How to write a cell that is no number, where it looks like one."""
    if DECIMAL_COMMA.fullmatch(cell) and not re.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}", cell):
        return " (write decimals with a point)"
    if GROUPED.fullmatch(cell):
        return " (write it without marks between thousands, and decimals with a point)"
    return ""


@dataclass
class Thousands:
    """Whether all cells of a column met so far may have points between thousands.

    strict: whether such cells are enough; otherwise one must end in 0, which is stripped from decimals

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
        """cells: texts, null where empty; place: where the row of that number stands"""
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
        """Raises `GatewiseError` where points may be between thousands, with the place of one."""
        if not self.possible or self.short is None or self.dotted is None:
            return
        if self.strict or self.ends_in_zero:
            raise GatewiseError(
                f"{path}, {self.place}, column {name!r}: {self.dotted!r} beside {self.short!r} may be "
                f"{self.dotted.replace('.', '')} or a decimal number; write thousands without points, or "
                f"decimals with as many digits in every row ({self.short}.000)"
            )

"""Thousands separators, where a cell shows for certain that they are: `1,234.5`, `1.234.567`, `1 234`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

from gatewise.data.tables.names import name_some
from gatewise.errors import GatewiseError

SPACES = (" ", "\u00a0", "\u202f", "'", "\u2019")  # separators that are never decimal marks
DECIMAL_MARKS = {",": r"\.", ".": ","}  # beside a separator that may be one itself
FIRST, ANY_MARK = r"^[-+]?[1-9]\d{0,2}", "[.,]"


@dataclass
class Grouped:
    """Reads numbers with thousands separators, over the pieces of a column.

    Once a cell shows the separator, all cells such as `1,005` have it.

    separator: None until a cell shows it; example: that cell

    >>> grouped = Grouped()
    >>> cells = pl.Series(["998", "1,005", "-1,250.5"])
    >>> grouped.find(cells, cells.cast(pl.Float64, strict=False), place=lambda row: f"line {row + 2}")
    >>> grouped.bare(cells).to_list()
    ['998', '1005', '-1250.5']
    """

    separator: str | None = None
    example: str = ""
    _earlier: dict[str, tuple[str, str]] = field(
        default_factory=dict
    )  # the first cell with a mark, its place

    def find(self, cells: pl.Series, values: pl.Series, place: Callable[[int], str]) -> None:
        """Looks for a cell that shows the separator in the next cells of the column.

        cells: texts, null where empty; values: as numbers, null where they are none
        place: returns the place of a row, for messages
        """
        if self.separator is not None:
            return
        others = cells.set(values.is_not_null(), None)
        for separator in (*DECIMAL_MARKS, *SPACES) if others.null_count() < len(others) else ():
            shows = others.str.contains(_certain(separator)).fill_null(value=False)
            if shows.any():
                self.separator, self.example = separator, cells[int(shows.arg_max() or 0)]
                return
        for mark in set(DECIMAL_MARKS) - set(self._earlier):
            has_mark = cells.str.contains(mark, literal=True).fill_null(value=False)
            if has_mark.any():
                row = int(has_mark.arg_max() or 0)
                self._earlier[mark] = cells[row], place(row)

    def bare(self, cells: pl.Series) -> pl.Series:
        """Cells without the separator, and with a decimal point; null where they have it elsewhere.

        Beside a separator that can't be a decimal mark, the mark is left as it is.
        """
        assert self.separator is not None
        fits = cells.str.contains(_grouped(self.separator)).fill_null(value=False)
        misused = cells.str.contains(self.separator, literal=True).fill_null(value=False) & ~fits
        bare = cells.str.replace_all(self.separator, "", literal=True)
        bare = bare.str.replace(",", ".", literal=True) if self.separator == "." else bare
        return bare.set(misused, None)

    def check(self, path: str, name: str) -> None:
        """Raises: `GatewiseError` with a place, if an earlier piece has the separator as a decimal mark."""
        if self.separator in self._earlier:
            cell, place = self._earlier[self.separator]
            raise GatewiseError(
                f"{path}, {place}, column {name!r}: {cell!r} may be a decimal number, and {self.example!r} "
                "has thousands separators; write thousands without separators"
            )


def _certain(separator: str) -> str:
    """The pattern of numbers that have no other meaning than with this separator."""
    if separator in SPACES:
        return _grouped(separator)
    groups = rf"(?:[{separator}]\d{{3}})"
    return rf"{FIRST}(?:{groups}+{DECIMAL_MARKS[separator]}\d*|{groups}{{2,}})$"


def _grouped(separator: str) -> str:
    """The pattern of numbers with this separator."""
    return rf"{FIRST}(?:[{separator}]\d{{3}})+(?:{DECIMAL_MARKS.get(separator, ANY_MARK)}\d*)?$"


def describe_grouped(cells: Mapping[str, str]) -> tuple[str, ...]:
    """A note on the columns with thousands separators, if there are any. cells: one of each, by column"""
    if not cells:
        return ()
    return (
        f"thousands separators are left out, as in {next(iter(cells.values()))!r}: {name_some(tuple(cells))}",
    )

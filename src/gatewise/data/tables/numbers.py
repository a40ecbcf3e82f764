"""Decimal marks and thousands separators: `1.005` beside `998` may mean 1005, and `1,005` may too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from gatewise.data.tables.grouped import DECIMAL_MARKS, Grouped, describe_grouped
from gatewise.data.tables.names import name_some
from gatewise.errors import GatewiseError

DECIMAL_COMMA = r"^([-+]?\d*),(\d+(?:[eE][-+]?\d+)?)$"
COMMA_OR_THOUSANDS = r"^[-+]?[1-9]\d{0,2},\d{3}$"
GROUPED = re.compile(r"[-+]?\d{1,3}(?:([.,' _\u2019\u00a0\u202f])\d{3})(?:\1\d{3})*(?:[.,]\d*)?")
DOTTED = r"^[-+]?[1-9]\d{0,2}\.\d{3}$"  # a number with three decimals, or thousands
SHORT = r"^[-+]?\d{1,3}$"
SEPARATED = r"\d[^\d.]\d|\..*\."  # what a number with thousands separators has
LARGEST_EXACT = 1 << 53  # whole number that every float holds exactly
WHOLE_WITH_DECIMALS = r"^([-+]?\d+)\.0*$"  # such as 1.0


def advice(cell: str) -> str:
    """Advice on a cell that is not a number but looks like one, else an empty text."""
    if re.fullmatch(DECIMAL_COMMA, cell) and not re.fullmatch(COMMA_OR_THOUSANDS, cell):
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

    @property
    def unclear(self) -> str | None:
        """The first cell such as 1.005 where all cells are, so that no other one shows what a point is."""
        return self.dotted if self.strict and self.possible and self.short is None else None

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


@dataclass
class DecimalCommas:
    """Reads commas as decimal marks, over the pieces of a column.

    >>> commas = DecimalCommas()
    >>> commas.replaced(pl.Series(["12", "1,5"]), place=lambda row: f"line {row + 2}").to_list()
    ['12', '1.5']
    """

    comma: str | None = None  # the first cell with one
    place: str = ""
    point: str | None = None
    is_certain: bool = False  # whether a cell can't be a number with thousands separators

    def replaced(self, cells: pl.Series, place: Callable[[int], str]) -> pl.Series:
        """The next cells of the column, with points for decimal commas.

        cells: texts, null where empty; place: returns the place of a row, for messages
        """
        points = cells.str.contains(".", literal=True).fill_null(False)
        if self.point is None and points.any():
            self.point = cells[int(points.arg_max() or 0)]
        commas = cells.str.contains(DECIMAL_COMMA).fill_null(False)
        if not commas.any():
            return cells
        if self.comma is None:
            row = int(commas.arg_max() or 0)
            self.comma, self.place = cells[row], place(row)
        self.is_certain |= not cells.filter(commas).str.contains(COMMA_OR_THOUSANDS).all()
        return cells.str.replace(DECIMAL_COMMA, "${1}.${2}")

    def check(self, path: str, name: str) -> None:
        """Raises: `GatewiseError` with a place, if commas may not be decimal marks."""
        if self.comma is None:
            return
        where = f"{path}, {self.place}, column {name!r}"
        if self.point is not None:
            raise GatewiseError(
                f"{where}: {self.comma!r} has a comma and {self.point!r} a point; write decimals with a "
                "point, and thousands without separators"
            )
        if not self.is_certain:
            whole = self.comma.replace(",", "")
            raise GatewiseError(
                f"{where}: {self.comma!r} may be {whole} or a decimal number; write thousands without "
                f"separators ({whole}), or decimals with another digit ({self.comma}0)"
            )


class Marks:
    """The decimal marks and thousands separators of a column, over its pieces.

    separator: of the cells; if it is not a comma, a comma may be a decimal mark
    """

    commas: DecimalCommas | None
    thousands: Thousands
    grouped: Grouped

    def __init__(self, separator: str | None) -> None:
        is_comma = separator in (None, ",")
        self.commas = None if is_comma else DecimalCommas()
        self.thousands = Thousands(strict=not is_comma)
        self.grouped = Grouped()

    @property
    def has_commas(self) -> bool:
        """Whether decimals were written with a comma so far."""
        return self.commas is not None and self.commas.comma is not None

    @property
    def separated(self) -> str | None:
        """The first cell so far that shows thousands separators."""
        return self.grouped.example or None

    @property
    def unclear_point(self) -> str | None:
        """The first cell so far whose point may separate thousands, though nothing shows that it does."""
        return self.thousands.unclear

    def parsed(self, cells: pl.Series, place: Callable[[int], str]) -> pl.Series:
        """The next cells of the column as float64, null where one is not a number.

        cells: texts, null where empty; place: returns the place of a row, for messages
        """
        values = cells.cast(pl.Float64, strict=False)
        self.grouped.find(cells, values, place)
        if self.grouped.separator is not None:
            cells = self.grouped.bare(cells)
            if self.grouped.separator in DECIMAL_MARKS:
                return cells.cast(pl.Float64, strict=False)
        self.thousands.add(cells, place)
        replaced = cells if self.commas is None else self.commas.replaced(cells, place)
        is_unchanged = replaced is cells and self.grouped.separator is None
        return values if is_unchanged else replaced.cast(pl.Float64, strict=False)

    def check(self, path: str, name: str) -> None:
        """Raises: `GatewiseError` with a place, if marks may be thousands separators."""
        self.grouped.check(path, name)
        self.thousands.check(path, name)
        if self.commas is not None:
            self.commas.check(path, name)


def describe_marks(columns: Mapping[str, Marks]) -> tuple[str, ...]:
    """Notes on decimal commas, thousands separators, and points that may be some, of columns by name."""
    grouped = {name: marks.separated for name, marks in columns.items() if marks.separated is not None}
    return (
        *describe_commas(name for name, marks in columns.items() if marks.has_commas),
        *describe_grouped(grouped),
        *describe_points({name: marks.unclear_point for name, marks in columns.items()}),
    )


def describe_points(cells: Mapping[str, str | None]) -> tuple[str, ...]:
    """A note on the columns whose points may separate thousands, if there are any.

    cells: a cell with such a point, by column

    >>> describe_points({"a": "1.005", "b": None})
    ("points are read as decimal points, so that '1.005' is about 1, not 1005: 'a'",)
    """
    found = {name: cell for name, cell in cells.items() if cell is not None}
    if not found:
        return ()
    cell = next(iter(found.values()))
    whole, about = cell.replace(".", ""), round(float(cell))
    names = name_some(tuple(found))
    return (f"points are read as decimal points, so that {cell!r} is about {about}, not {whole}: {names}",)


def describe_commas(names: Iterable[str]) -> tuple[str, ...]:
    """A note on the columns whose decimals are written with a comma, if there are any."""
    listed = tuple(names)
    return (f"decimals are written with a comma: {name_some(listed)}",) if listed else ()

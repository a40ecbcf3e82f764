"""Times that are numbers: steps, Unix times, serial numbers of Excel, and durations."""

from __future__ import annotations

import polars as pl

from gatewise.data.tables.numbers import LARGEST_EXACT
from gatewise.data.tables.table import Table
from gatewise.data.times.cells import check_cells
from gatewise.data.times.clock import Clock, Times
from gatewise.data.times.excel import EXCEL, excel_times, may_be_serials
from gatewise.data.times.formats import unix_units

EXCEL_REMEDY = "; --time-format excel reads serial numbers of Excel"
COUNT_REMEDY = "; --time none counts rows that are one step apart"
DECIMALS_REMEDY = f"{COUNT_REMEDY}, and --irregular reads numbers with decimals"
MAX_DAYS = 700_000  # of a duration, before and after 1970
LARGEST = 1 << 60  # whole number, so that differences fit into 64 bits


def integers(table: Table, name: str, given: pl.Series) -> pl.Series:
    """Floats as whole numbers. Raises: `GatewiseError` with the place of one that is none."""
    whole = given.is_finite() & (given == given.round()) & (given.abs() < 1 << 63)
    remedy = EXCEL_REMEDY if may_be_serials(given.to_numpy()) else DECIMALS_REMEDY
    check_cells(table, name, whole, "expected dates or whole numbers as times", given, remedy)
    exact = given.abs() <= LARGEST_EXACT
    check_cells(
        table, name, exact, "expected integers, as floats can't represent whole numbers this large", given
    )
    return given.cast(pl.Int64)


def whole_numbers(table: Table, name: str, whole: pl.Series) -> Times:
    """Whole numbers as they are.

    Raises: `GatewiseError` with the place of a Unix time in another unit than the first, or of a huge number.
    """
    units = unix_units(whole)
    if not units.has_nulls():
        message = f"expected Unix {units[0]} as in {table.place(0)}"
        other = units.filter(units != units[0])[0]
        remedy = f", which may be {other}; write all times in one unit"
        check_cells(table, name, units == units[0], message, whole, remedy)
    check_cells(table, name, whole.is_between(-LARGEST, LARGEST), "expected a time within 1e18", whole)
    return Times(whole, Clock(note=_note_on_serials(name, whole, "whole numbers")))


def decimals(name: str, cells: pl.Series) -> Times | None:
    """Numbers with decimals as they are; None for other cells, and for numbers that are all whole."""
    numbers = cells.cast(pl.Float64, strict=False)
    if numbers.has_nulls() or not numbers.is_finite().all() or (numbers == numbers.round()).all():
        return None
    return Times(numbers, Clock(note=_note_on_serials(name, numbers, "numbers")))


def _note_on_serials(name: str, numbers: pl.Series, kind: str) -> str | None:
    """A note on numbers that may be serial numbers of Excel."""
    if not may_be_serials(numbers.to_numpy()):
        return None
    return f"column {name!r} was read as {kind}; --time-format excel reads dates of Excel"


def nanoseconds(name: str, given: pl.Series) -> Times:
    """Times that are finer than a microsecond, as whole numbers."""
    dtype = given.dtype if given.dtype.is_temporal() else None
    note = f"column {name!r} was read as whole numbers of nanoseconds"
    return Times(given.to_physical(), Clock(dtype=dtype, note=note))


def durations(table: Table, name: str, given: pl.Series) -> Times:
    """Durations as the times after the beginning of 1970, or as whole numbers of nanoseconds."""
    days = given.dt.total_days()
    fits = days.is_between(-MAX_DAYS, MAX_DAYS)
    check_cells(table, name, fits, f"expected a duration of at most {MAX_DAYS:,} days", days)
    values = given.cast(pl.Duration("us"))
    if (values.cast(given.dtype) != given).any():
        return nanoseconds(name, given)
    note = f"the durations of column {name!r} are counted from 1970-01-01"
    return Times(values.to_physical().cast(pl.Datetime("us")), Clock(dtype=given.dtype, note=note))


def serials(table: Table, name: str, given: pl.Series) -> Times:
    """Serial numbers of Excel."""
    values = excel_times(given.cast(pl.Float64, strict=False))
    cells = given.cast(pl.String)
    check_cells(table, name, values.is_not_null(), "expected a serial number of Excel like 45292.5", cells)
    return Times(values, Clock(EXCEL))

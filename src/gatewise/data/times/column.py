"""Columns of times, read on the clock of their file."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl

from gatewise.data.tables.table import Table
from gatewise.data.times.clock import MINUTE, Clock, minutes_of, on_one_clock, split_offsets
from gatewise.data.times.formats import (
    LAST_YEAR,
    UNIX,
    exact_format,
    matching_formats,
    parse_times,
    unix_format,
    whole_date_format,
)
from gatewise.errors import GatewiseError

LARGEST = 1 << 60  # whole number, so that differences fit into 64 bits
FIRST_ROWS = 20
REMEDY = "; give another form with --time-format, such as --time-format '%d.%m.%Y %H:%M'"


class Times(NamedTuple):
    """A column of times.

    values: datetimes without a zone, or whole numbers; clock: how they are written in the file
    """

    values: pl.Series
    clock: Clock


def read_times(table: Table, name: str, time_format: str | None = None) -> Times:
    """Reads the time column on the clock of its file.

    If offsets change, as with daylight saving, and local time is less regular than UTC (as for hourly, not
    for daily data), all times get the last offset.

    Raises: `GatewiseError` with the line of a cell that is not a time, or if two formats fit.
    """
    given = table.column(name, "time")
    if given.dtype in (pl.Date, pl.Datetime):
        _check(table, name, given.is_not_null(), "the time is missing")
        return _typed(table, name, given)
    if given.dtype.is_float():
        _check(table, name, given.is_not_null(), "the time is missing")
        whole = given.is_finite() & (given == given.round()) & (given.abs() <= 1 << 53)
        _check(table, name, whole, "expected dates or whole numbers as times", given)
        given = given.cast(pl.Int64)
    text = given.cast(pl.String) if given.dtype.is_integer() else table.texts(name, "time")
    _check(table, name, text.is_not_null(), "the time is missing")
    form, note = time_format, None
    if form is None:
        whole = text.cast(pl.Int64, strict=False)
        form = whole_date_format(text) or unix_format(whole)
        if form is None and not whole.has_nulls():
            _check(table, name, whole.is_between(-LARGEST, LARGEST), "expected a time within 1e18", text)
            return Times(whole, Clock())
        if form in UNIX:
            note = f"column {name!r} was read as Unix {UNIX[form][0]}"
    values, clock = _read_texts(table, name, text, form)
    if given.dtype.is_integer():
        clock = replace(clock, dtype=given.dtype)
    return Times(values, replace(clock, note=note or clock.note))


def looks_like_times(table: Table, name: str) -> bool:
    """Whether at least half of a column's first cells are dates in one format, except digits only."""
    given = table.frame[name].head(FIRST_ROWS)
    if given.dtype in (pl.Date, pl.Datetime):
        return True
    if given.dtype != pl.String:
        return False
    text = given.str.strip_chars()
    if text.str.contains(r"^\d*$").any() or text[0] is None:
        return False
    parsed = matching_formats(split_offsets(text)[0])
    return any(2 * values.null_count() <= len(given) for _, values in parsed)


def has_whole_dates(table: Table, name: str) -> bool:
    """Whether the cells of a column are dates such as 20240131, or months such as 202401."""
    given = table.frame[name]
    if not (given.dtype == pl.String or given.dtype.is_integer()) or given.null_count():
        return False
    return whole_date_format(given.cast(pl.String).str.strip_chars()) is not None


def _typed(table: Table, name: str, given: pl.Series) -> Times:
    years = given.dt.year()
    _check(table, name, years.is_between(1, LAST_YEAR), f"expected a year up to {LAST_YEAR}", years)
    values = given.cast(pl.Datetime("us", getattr(given.dtype, "time_zone", None)))
    if given.dtype == pl.Datetime("ns"):
        is_whole = values.cast(given.dtype) == given
        _check(table, name, is_whole, "expected whole microseconds", given.cast(pl.String))
    if getattr(given.dtype, "time_zone", None) is None:
        return Times(values, Clock(dtype=given.dtype))
    local = values.dt.replace_time_zone(None)
    offsets = (local - values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)).to_physical().to_numpy()
    times, shift, _ = on_one_clock(local, offsets)
    return Times(times, Clock(dtype=given.dtype, shift=shift))


def _read_texts(table: Table, name: str, text: pl.Series, time_format: str | None) -> Times:
    bare, offsets = (text, None) if _without_offset(time_format) else split_offsets(text)
    if time_format is None:
        form, local = _recognise(table, name, text, bare)
    else:
        form = re.sub(r"\s*%#?z$", "", time_format) if offsets is not None else time_format
        local = _parse_all(table, name, text, bare, form)
    if offsets is None and "%z" in form:  # an offset that is not at the end: times in UTC
        return Times(local, Clock(dtype=pl.Datetime("us", "UTC"), shift=0))
    form = exact_format(bare, local, form)
    if offsets is None:
        return Times(local, Clock(form))
    minutes = minutes_of(offsets)
    _check(
        table, name, minutes.is_not_null(), f"expected a time with an offset like {offsets[0]}", text, REMEDY
    )
    times, shift, last = on_one_clock(local, minutes.to_numpy() * MINUTE)
    note = None
    if minutes.n_unique() > 1:
        converted = "" if shift is None else ", to which all times were converted"
        note = (
            f"the offsets of column {name!r} change; forecasts have the last one, "
            f"{offsets[last].strip()}{converted}"
        )
    return Times(times, Clock(form, offsets[last], note=note))


def _without_offset(time_format: str | None) -> bool:
    return time_format is not None and not time_format.endswith(("%z", "%#z"))


def _recognise(table: Table, name: str, text: pl.Series, bare: pl.Series) -> tuple[str, pl.Series]:
    """The format that all cells have, and the times. text: the cells; bare: without their offsets"""
    parsed = matching_formats(bare)
    fitting = [(form, values) for form, values in parsed if not values.null_count()]
    if not parsed:
        whole = text.cast(pl.Int64, strict=False).is_not_null()
        valid = pl.Series([False] * len(text)) if whole.all() else whole  # digits such as 20241399
        _check(table, name, valid, "expected a time like %Y-%m-%d, or whole numbers", text, REMEDY)
    if not fitting:
        best, _ = min(parsed, key=lambda one: (one[1].null_count(), one[1].is_null()[0]))
        return best, _parse_all(table, name, text, bare, best)
    first, values = fitting[0]
    for second, others in fitting[1:]:
        if not values.equals(others):
            raise GatewiseError(
                f"{table.path}, column {name!r}: {text[0]!r} may be {first} or {second}; "
                f"choose one with --time-format, such as --time-format {first!r}"
            )
    return first, values


def _parse_all(table: Table, name: str, text: pl.Series, bare: pl.Series, form: str) -> pl.Series:
    values = parse_times(bare, form)
    _check(table, name, values.is_not_null(), f"expected a time like {form}", text, REMEDY)
    return values


def _check(
    table: Table, name: str, valid: pl.Series, message: str, cells: pl.Series | None = None, remedy: str = ""
) -> None:
    """Raises: `GatewiseError` with place, cell and remedy for the first row that is not valid."""
    if valid.all(ignore_nulls=False):
        return
    row = int(np.argmin(valid.fill_null(False).to_numpy()))
    cell = "" if cells is None else f", got {str(cells[row])[:40]!r}"
    raise GatewiseError(f"{table.path}, {table.place(row)}, column {name!r}: {message}{cell}{remedy}")

"""Times: reading a column of them, on the clock of the file."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import polars as pl

from gatewise.data.series.zones import MINUTE, Clock, minutes_of, on_one_clock, split_offsets
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y%m%d")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S%.f")
MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%Y%m")
DIGITS = {"%Y%m%d": r"^\d{8}", "%Y%m": r"^\d{6}$"}  # forms without a mark between year and month
WHOLE_DATE = r"^(?:19\d{2}|20\d{2}|2100)(?:0[1-9]|1[0-2])"
WHOLE_DATES = (WHOLE_DATE + "$", WHOLE_DATE + r"(?:0[1-9]|[12]\d|3[01])$")  # 202401; 20240131
FIRST_YEAR, LAST_YEAR = 1000, 9999  # two digits are no year
LARGEST = 1 << 60  # of whole numbers, so that their differences fit
FIRST_ROWS = 20


class Times(NamedTuple):
    """A column of times.

    values: dates with a clock but no zone, or whole numbers; clock: how they were written
    """

    values: pl.Series
    clock: Clock


def read_times(table: Table, name: str, time_format: str | None = None) -> Times:
    """The time column, as the clock of the file shows it.

    Where offsets change, as with daylight saving, and local time is less regular than UTC (hours, not days),
    all times are on the clock of the last offset.

    Errors: `GatewiseError` with the line where a cell is no time, or where two formats fit.
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
    if time_format is None:
        whole = text.cast(pl.Int64, strict=False)
        if not whole.is_null().any() and not _all_whole_dates(text):
            _check(table, name, whole.is_between(-LARGEST, LARGEST), "expected a time within 1e18", text)
            return Times(whole, Clock())
    return _read_texts(table, name, text, time_format)


def say(time: object) -> str:
    """A time as short as it can be told."""
    return str(time).removesuffix(" 00:00:00")


def time_format(times: pl.Series) -> str | None:
    """The shortest format that tells all of the times; None for whole numbers."""
    if times.dtype.is_integer():
        return None
    if (times != times.dt.truncate("1d")).any():
        return "%Y-%m-%d %H:%M:%S"
    return "%Y-%m" if (times.dt.day() == 1).all() else "%Y-%m-%d"


def looks_like_times(table: Table, name: str) -> bool:
    """Whether at least half of a column's first cells are dates in one form, other than digits alone."""
    given = table.frame[name].head(FIRST_ROWS)
    if given.dtype in (pl.Date, pl.Datetime):
        return True
    if given.dtype != pl.String:
        return False
    text = given.str.strip_chars()
    if text.str.contains(r"^\d*$").any() or text[0] is None:
        return False
    return any(2 * values.null_count() <= len(given) for _, values in _tries(split_offsets(text)[0]))


def are_whole_dates(table: Table, name: str) -> bool:
    """Whether all cells of a column are dates such as 20240131, or all months such as 202401."""
    given = table.frame[name]
    if not (given.dtype == pl.String or given.dtype.is_integer()) or given.null_count():
        return False
    return _all_whole_dates(given.cast(pl.String).str.strip_chars())


def _all_whole_dates(text: pl.Series) -> bool:
    return any(text.str.contains(form).all() for form in WHOLE_DATES)


def _typed(table: Table, name: str, given: pl.Series) -> Times:
    years = given.dt.year()
    _check(table, name, years.is_between(1, LAST_YEAR), f"expected a year up to {LAST_YEAR}", years)
    values = given.cast(pl.Datetime("us", getattr(given.dtype, "time_zone", None)))
    if given.dtype == pl.Datetime("ns"):
        _check(
            table,
            name,
            values.cast(given.dtype) == given,
            "expected whole microseconds",
            given.cast(pl.String),
        )
    if getattr(given.dtype, "time_zone", None) is None:
        return Times(values, Clock(dtype=given.dtype))
    local = values.dt.replace_time_zone(None)
    offsets = (local - values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)).to_physical().to_numpy()
    times, shift, _ = on_one_clock(local, offsets)
    return Times(times, Clock(dtype=given.dtype, shift=shift))


def _read_texts(table: Table, name: str, text: pl.Series, time_format: str | None) -> Times:
    bare, offsets = (text, None) if _without_offset(time_format) else split_offsets(text)
    if time_format is None:
        form, local = _recognised(table, name, text, bare)
    else:
        form = re.sub(r"\s*%#?z$", "", time_format) if offsets is not None else time_format
        local = _parsed_whole(table, name, text, bare, form)
    if offsets is None:
        inside = "%z" in form  # an offset that is not at the end: times of UTC
        return Times(local, Clock(dtype=pl.Datetime("us", "UTC"), shift=0) if inside else Clock(form))
    minutes = minutes_of(offsets)
    _check(table, name, minutes.is_not_null(), f"expected a time with an offset like {offsets[0]}", text)
    times, shift, last = on_one_clock(local, minutes.to_numpy() * MINUTE)
    note = None
    if minutes.n_unique() > 1:
        which = "" if shift is None else ", to which all were moved"
        note = (
            f"the offsets of column {name!r} change; forecasts have the last, {offsets[last].strip()}{which}"
        )
    return Times(times, Clock(form, offsets[last], note=note))


def _without_offset(time_format: str | None) -> bool:
    return time_format is not None and not time_format.endswith(("%z", "%#z"))


def _recognised(table: Table, name: str, text: pl.Series, bare: pl.Series) -> tuple[str, pl.Series]:
    """The form that all cells fit, and the times. text: the cells; bare: without their offsets"""
    tries = _tries(bare)
    fitting = [(form, values) for form, values in tries if not values.null_count()]
    if not tries:
        whole = text.cast(pl.Int64, strict=False).is_not_null()
        right = (
            pl.Series([False] * len(text)) if whole.all() else whole
        )  # digits that are no day of any month
        _check(table, name, right, "expected a time like %Y-%m-%d, or whole numbers", text)
    if not fitting:
        best, _ = min(tries, key=lambda one: one[1].null_count())
        return best, _parsed_whole(table, name, text, bare, best)
    first, values = fitting[0]
    for second, others in fitting[1:]:
        if not values.equals(others):
            raise GatewiseError(
                f"{table.path}, column {name!r}: {text[0]!r} may be {first} or {second}; "
                "say which with --time-format"
            )
    return first, values


def _parsed_whole(table: Table, name: str, text: pl.Series, bare: pl.Series, form: str) -> pl.Series:
    values = _parsed(bare, form)
    _check(table, name, values.is_not_null(), f"expected a time like {form}", text)
    return values


def _tries(text: pl.Series) -> list[tuple[str, pl.Series]]:
    """The column read in each format that its first cell fits."""
    formats = [*MONTHS, *(day + clock for day in DAYS for clock in CLOCKS)]
    fitting = [one for one in formats if not _parsed(text.head(1), one).has_nulls()]
    return [(one, _parsed(text, one)) for one in fitting]


def _parsed(text: pl.Series, form: str) -> pl.Series:
    """Times in a form, null where a cell is none."""
    for start, digits in DIGITS.items():
        if form.startswith(start) and (form == start or start == "%Y%m%d"):
            text = text.set(~text.str.contains(digits), None)
    if form in MONTHS:
        text, form = text + " 1", form + " %d"
    try:
        times = text.str.to_datetime(form, strict=False, time_unit="us")
    except pl.exceptions.PolarsError:
        return pl.Series([None] * len(text), dtype=pl.Datetime("us"))
    times = times.dt.replace_time_zone(None)  # that of an offset in the middle of a form
    return times.set(~times.dt.year().is_between(FIRST_YEAR, LAST_YEAR), None)


def _check(table: Table, name: str, right: pl.Series, message: str, shown: pl.Series | None = None) -> None:
    """Raises `GatewiseError` with the place, and the cell, of the first row that is not right."""
    if right.all(ignore_nulls=False):
        return
    row = int(np.argmin(right.fill_null(False).to_numpy()))
    cell = "" if shown is None else f", got {str(shown[row])[:40]!r}"
    raise GatewiseError(f"{table.path}, {table.place(row)}, column {name!r}: {message}{cell}")

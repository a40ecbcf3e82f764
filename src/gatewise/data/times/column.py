"""Columns of times, read on the clock of their file."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import polars as pl

from gatewise.data.tables.numbers import WHOLE_WITH_DECIMALS
from gatewise.data.tables.table import Table
from gatewise.data.times.cells import check_cells
from gatewise.data.times.clock import (
    MINUTE,
    Clock,
    Times,
    minutes_of,
    on_one_clock,
    regularity,
    split_offsets,
)
from gatewise.data.times.excel import EXCEL, may_be_serials
from gatewise.data.times.formats import (
    LAST_YEAR,
    STUDY,
    STUDY_MONTH,
    UNIX,
    WRITTEN_STUDY,
    exact_format,
    is_study,
    matching_formats,
    parse_times,
    unix_format,
    whole_date_format,
)
from gatewise.data.times.numeric import (
    DECIMALS_REMEDY,
    EXCEL_REMEDY,
    decimals,
    durations,
    integers,
    nanoseconds,
    serials,
    whole_numbers,
)
from gatewise.data.times.zones import describe_zones, to_local, unclear_zone
from gatewise.errors import GatewiseError

CLOCK_REMEDY = "; --time DAY,CLOCK joins a clock to the days of another column, and --time none counts rows"
STUDY_REMEDY = "; --time-format study reads years and months of a study"
CLOCK = r"^\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?$"
TOO_FINE = r"\.\d{6}\d*[1-9]"  # fractions of a microsecond
FIRST_ROWS = 20
REMEDY = "; give another form with --time-format, such as --time-format '%d.%m.%Y %H:%M'"


def read_times(
    table: Table,
    name: str,
    time_format: str | None = None,
    time_zone: str | None = None,
    irregular: bool = False,
) -> Times:
    """Reads the time column on the clock of its file, or in the local time of a zone.

    If offsets change, as with daylight saving, and local time is less regular than UTC (as for hourly, not
    for daily data), all times get the last offset.

    time_format: as in `strftime`, "excel" or "study"; None recognizes it
    time_zone: a zone to whose local time those with an offset, or in UTC, are converted
    irregular: whether times may be numbers with decimals, and dates are cut off to microseconds

    Raises: `GatewiseError` with the line of a cell that is not a time, or if two formats fit.
    """
    given = table.column(name, "time")
    if given.dtype not in (pl.Date, pl.Datetime, pl.Duration) and not given.dtype.is_numeric():
        given = table.texts(name, "time")
    check_cells(table, name, given.is_not_null(), "the time is missing")
    in_utc = time_zone is not None
    if given.dtype in (pl.Date, pl.Datetime):
        times = _typed(table, name, given, in_utc, irregular)
    elif given.dtype == pl.Duration:
        times = durations(table, name, given)
    elif time_format == EXCEL:
        times = serials(table, name, given)
    else:
        found = decimals(name, given) if irregular and time_format is None else None
        times = found or _plain(table, name, given, time_format, in_utc)
    return times if time_zone is None else _in_zone(table, name, times, time_zone)


def _plain(table: Table, name: str, given: pl.Series, time_format: str | None, in_utc: bool) -> Times:
    """Times that are texts or numbers."""
    if given.dtype.is_float():
        given = integers(table, name, given)
    text, form, note = _without_decimals(given.cast(pl.String)), time_format, None
    if form is None:
        whole = text.cast(pl.Int64, strict=False)
        form = whole_date_format(text) or unix_format(whole)
        if form is None and not whole.has_nulls():
            return whole_numbers(table, name, whole)
        if form in UNIX:
            if parse_times(text, form).has_nulls():  # finer than a microsecond
                return nanoseconds(name, whole)
            note = f"column {name!r} was read as Unix {UNIX[form][0]}"
        elif form is None and is_study(text):
            form, note = STUDY, f"column {name!r} was read as years and months of a study, from 2001 on"
    values, clock = _read_texts(table, name, text, form, in_utc)
    if given.dtype.is_integer():
        clock = replace(clock, dtype=given.dtype)
    return Times(values, replace(clock, note=note or clock.note))


def _in_zone(table: Table, name: str, times: Times, zone: str) -> Times:
    """Times in UTC in the local time of a zone."""
    utc, clock = times
    is_duration = clock.dtype is not None and clock.dtype == pl.Duration
    if utc.dtype.is_numeric() or clock.form in (EXCEL, WRITTEN_STUDY) or is_duration:
        raise GatewiseError(
            f"{table.path}, column {name!r}: --time-zone converts times in UTC or with an offset, and these "
            "have no time zone; leave it out"
        )
    local = to_local(utc, zone)
    before, after = (regularity(np.unique(one.dt.epoch("us").to_numpy())) for one in (utc, local))
    if after < before:
        raise GatewiseError(
            f"{table.path}, column {name!r}: the times are less regular in {zone} than in UTC, because of "
            "daylight saving time; leave out --time-zone, which is for days, weeks and months"
        )
    has_zone = bool(clock.offset) or clock.shift is not None
    taken = "" if has_zone else ", taken as UTC,"
    note = f"the times of column {name!r}{taken} are converted to {zone}"
    return Times(local, replace(clock, zone=zone, note=note))


def _without_decimals(text: pl.Series) -> pl.Series:
    """Texts that are all whole numbers, without their decimals; others as they are."""
    are_whole = re.fullmatch(WHOLE_WITH_DECIMALS, text[0]) and text.str.contains(WHOLE_WITH_DECIMALS).all()
    return text.str.replace(WHOLE_WITH_DECIMALS, "${1}") if are_whole else text


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
    if not text.cast(pl.Float64, strict=False).has_nulls():  # quick, for tables of thousands of columns
        return False
    if is_study(text):
        return True
    parsed = matching_formats(split_offsets(text)[0])
    return any(2 * values.null_count() <= len(given) for _, values in parsed)


def has_whole_dates(table: Table, name: str) -> bool:
    """Whether the cells of a column are dates such as 20240131, or months such as 202401."""
    given = table.frame[name]
    if not (given.dtype == pl.String or given.dtype.is_integer()) or given.null_count():
        return False
    return whole_date_format(given.cast(pl.String).str.strip_chars()) is not None


def _typed(table: Table, name: str, given: pl.Series, in_utc: bool, irregular: bool) -> Times:
    years = given.dt.year()
    check_cells(table, name, years.is_between(1, LAST_YEAR), f"expected a year up to {LAST_YEAR}", years)
    values = given.cast(pl.Datetime("us", getattr(given.dtype, "time_zone", None)))
    is_finer = (values.cast(given.dtype) != given).any()
    if is_finer and not (irregular and values.n_unique() == given.n_unique()):
        return nanoseconds(name, given)
    if getattr(given.dtype, "time_zone", None) is None:
        return Times(values, Clock(dtype=given.dtype))
    local = values.dt.replace_time_zone(None)
    if in_utc:
        utc = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return Times(utc, Clock(dtype=given.dtype, shift=0))
    offsets = (local - values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)).to_physical().to_numpy()
    times, shift, _ = on_one_clock(local, offsets)
    return Times(times, Clock(dtype=given.dtype, shift=shift))


def _read_texts(table: Table, name: str, text: pl.Series, time_format: str | None, in_utc: bool) -> Times:
    bare, offsets = (text, None) if _without_offset(time_format) else split_offsets(text)
    if time_format is None:
        form, local = _recognize(table, name, text, bare)
    else:
        form = re.sub(r"\s*%#?z$", "", time_format) if offsets is not None else time_format
        local = _parse_all(table, name, text, bare, form)
    check_cells(table, name, ~text.str.contains(TOO_FINE), "expected whole microseconds", text)
    if form == STUDY:
        return Times(local, Clock(WRITTEN_STUDY))
    if offsets is None and "%z" in form:  # an offset that is not at the end: times in UTC
        return Times(local, Clock(dtype=pl.Datetime("us", "UTC"), shift=0))
    form = exact_format(bare, local, form)
    if offsets is None:
        return Times(local, Clock(form))
    names = offsets.drop_nulls().unique(maintain_order=True).to_list()
    unclear = unclear_zone(names)
    if unclear is not None:
        raise GatewiseError(
            f"{table.path}, column {name!r}: the time zone {unclear!r} is not clear; write offsets such as "
            "+01:00 in its place"
        )
    minutes = minutes_of(offsets)
    check_cells(
        table, name, minutes.is_not_null(), f"expected a time with an offset like {offsets[0]}", text, REMEDY
    )
    ahead = minutes.to_numpy() * MINUTE
    times, shift, last = on_one_clock(local, ahead)
    if in_utc:
        utc = pl.Series(local.dt.epoch("us").to_numpy() - ahead).cast(pl.Datetime("us"))
        return Times(utc, Clock(form, offsets[last]))
    note = describe_zones(name, names)
    if minutes.n_unique() > 1:
        converted = "" if shift is None else ", to which all times were converted"
        note = (
            f"the offsets of column {name!r} change; forecasts have the last one, "
            f"{offsets[last].strip()}{converted}"
        )
    return Times(times, Clock(form, offsets[last], note=note))


def _without_offset(time_format: str | None) -> bool:
    return time_format is not None and not time_format.endswith(("%z", "%#z"))


def _recognize(table: Table, name: str, text: pl.Series, bare: pl.Series) -> tuple[str, pl.Series]:
    """The format that all cells have, and the times. text: the cells; bare: without their offsets"""
    parsed = matching_formats(bare)
    fitting = [(form, values) for form, values in parsed if not values.null_count()]
    if not parsed:
        whole = text.cast(pl.Int64, strict=False).is_not_null()
        valid = pl.Series([False] * len(text)) if whole.all() else whole  # digits such as 20241399
        message = "expected a time like %Y-%m-%d, or whole numbers"
        check_cells(table, name, valid, message, text, _remedy_of(text))
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


def _remedy_of(text: pl.Series) -> str:
    """The end of a message on texts that are in no format."""
    numbers = text.cast(pl.Float64, strict=False)
    if not numbers.has_nulls():
        return EXCEL_REMEDY if may_be_serials(numbers.to_numpy()) else DECIMALS_REMEDY
    if text.str.contains(CLOCK).all():
        return CLOCK_REMEDY
    return STUDY_REMEDY if text.str.contains(STUDY_MONTH).all() else REMEDY


def _parse_all(table: Table, name: str, text: pl.Series, bare: pl.Series, form: str) -> pl.Series:
    values = parse_times(bare, form)
    check_cells(table, name, values.is_not_null(), f"expected a time like {form}", text, REMEDY)
    return values

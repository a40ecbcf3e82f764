"""The formats of times, and the one parser of texts in these formats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y%m%d")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S%.f")
MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%Y%m")
ISO = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%.f%z")
DIGITS = {"%Y%m%d": r"^\d{8}", "%Y%m": r"^\d{6}$"}  # formats without a separator after the year
WHOLE_DATE = r"^(?:19\d{2}|20\d{2}|2100)(?:0[1-9]|1[0-2])"
WHOLE_DATES = (WHOLE_DATE + "$", WHOLE_DATE + r"(?:0[1-9]|[12]\d|3[01])$")  # 202401; 20240131
FIRST_YEAR, LAST_YEAR = 1000, 9999  # two digits are not a year


def parse_times(text: pl.Series, form: str) -> pl.Series:
    """The times of texts in one format, null for any other text.

    >>> parse_times(pl.Series(["2024-01", "soon"]), "%Y-%m").dt.date().to_list()
    [datetime.date(2024, 1, 1), None]
    """
    for start, digits in DIGITS.items():
        if form.startswith(start) and (form == start or start == "%Y%m%d"):
            text = text.set(~text.str.contains(digits), None)
    if form in MONTHS:
        text, form = text + " 1", form + " %d"
    try:
        times = text.str.to_datetime(form, strict=False, time_unit="us")
    except pl.exceptions.PolarsError:
        return pl.Series([None] * len(text), dtype=pl.Datetime("us"))
    times = times.dt.replace_time_zone(None)  # UTC, if the format has an offset
    return times.set(~times.dt.year().is_between(FIRST_YEAR, LAST_YEAR), None)


def parse_iso_times(text: pl.Series) -> pl.Series:
    """The times of texts in ISO 8601, with different precisions or offsets; null for any other text.

    >>> parse_iso_times(pl.Series(["2024-01-31", "2024-01-31 12:00:00.5Z"]))[1]
    datetime.datetime(2024, 1, 31, 12, 0, 0, 500000)
    """
    text = text.str.replace(" ", "T", literal=True).str.replace("Z$", "")
    times = pl.Series([None] * len(text), dtype=pl.Datetime("us"))
    for form in ISO:
        if times.has_nulls():
            times = times.zip_with(times.is_not_null(), parse_times(text, form))
    return times


def matching_formats(text: pl.Series) -> list[tuple[str, pl.Series]]:
    """The formats that the first text has, and all texts parsed in each of them."""
    formats = [*MONTHS, *(day + clock for day in DAYS for clock in CLOCKS)]
    fitting = [one for one in formats if not parse_times(text.head(1), one).has_nulls()]
    return [(one, parse_times(text, one)) for one in fitting]


def are_whole_dates(text: pl.Series) -> bool:
    """Whether all texts are dates such as 20240131, or all are months such as 202401."""
    return any(text.str.contains(form).all() for form in WHOLE_DATES)


def format_time(time: object) -> str:
    """A time as a text, without a clock at midnight."""
    return str(time).removesuffix(" 00:00:00")


def time_order(times: pl.Series) -> Callable[[str], Any]:
    """The key by which texts of `format_time` sort as the times do.

    >>> sorted(["10", "9"], key=time_order(pl.Series([9, 10])))
    ['9', '10']
    """
    return int if times.dtype.is_integer() else str  # dates as texts sort as they are


def shortest_format(times: pl.Series) -> str | None:
    """The shortest format that keeps all of the times; None for whole numbers."""
    if times.dtype.is_integer():
        return None
    if (times != times.dt.truncate("1d")).any():
        return "%Y-%m-%d %H:%M:%S"
    return "%Y-%m" if (times.dt.day() == 1).all() else "%Y-%m-%d"

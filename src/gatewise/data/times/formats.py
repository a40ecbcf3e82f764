"""The formats of times, and the one parser of texts in these formats."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import polars as pl

DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y%m%d"),
    *("%d-%b-%Y", "%d-%B-%Y", "%d%b%Y", "%d %b %Y", "%d %B %Y", "%Y-%b-%d"),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y"),
    *("%d-%m-%Y", "%m-%d-%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d-%b-%y"),
)
CLOCKS = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S%.f"),
    *(" %I%p", " %I %p", " %I:%M%p", " %I:%M %p", " %I:%M:%S%p", " %I:%M:%S %p"),
)
MONTHS = (
    *("%Y-%m", "%Y/%m", "%m/%Y", "%Y%m"),
    *("%b-%y", "%b %Y", "%B %Y", "%b-%Y", "%B-%Y", "%Y-%b", "%Y-%B", "%Y %b", "%Y %B"),
)
QUARTERS = ("%YQ%q", "%Y-Q%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y")
WEEKS = ("%G-W%V", "%G-W%V-%u", "%GW%V")
FORMATS = (*MONTHS, *QUARTERS, *WEEKS, *(day + clock for day in DAYS for clock in CLOCKS))
FIRST_MONTHS = {"Q1": "month 01", "Q2": "month 04", "Q3": "month 07", "Q4": "month 10"}
COMPLETIONS = (  # fields that a format has, those that it lacks, and the field and value that complete it
    (r"%[-_0]?[mbBhq]", r"%[-_0]?[dejDFvxc]", "%d", "1"),
    (r"%[-_0]?V", r"%[uwaA]", "%u", "1"),
    (r"%[-_0]?[HI]", r"%[-_0]?[MRTXrc]", "%M", "0"),
)
ISO = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%.f%z")
DIGITS = r"%Y%m(?:%d)?(?:%H)?(?:%M)?(?:%S)?"  # fields without a separator between them
MONTH, DAY, HOUR = (
    r"(?:19\d{2}|20\d{2}|2100)(?:0[1-9]|1[0-2])",
    r"(?:0[1-9]|[12]\d|3[01])",
    r"(?:[01]\d|2[0-3])",
)
WHOLE_DATES = {  # 202401; 20240131; 2024013123; 202401312359
    "%Y%m": f"^{MONTH}$",
    "%Y%m%d": f"^{MONTH}{DAY}$",
    "%Y%m%d%H": f"^{MONTH}{DAY}{HOUR}$",
    "%Y%m%d%H%M": rf"^{MONTH}{DAY}{HOUR}[0-5]\d$",
}
UNIX = {
    "%s": ("seconds", 1_000_000_000),
    "%s%3f": ("milliseconds", 1_000_000),
    "%s%6f": ("microseconds", 1_000),
    "%s%9f": ("nanoseconds", 1),
}  # and nanoseconds in each
STUDY, WRITTEN_STUDY = "study", "%-y-%m"  # years 1 to 99 with a month, kept as those from 2001 on
STUDY_MONTH = r"^(\d{1,2})-(0[1-9]|1[0-2])$"
UNIX_SECONDS = (10**9, 4_102_444_800)  # from 2001, with as many digits in seconds, to 2100
FIRST_YEAR, LAST_YEAR = 1000, 9999  # two digits are not a year
LATE = r"\b24:00((?::00(?:\.0+)?)?)$"  # midnight after a day
SAMPLE = 1000  # texts that determine how times are written


def parse_times(text: pl.Series, form: str) -> pl.Series:
    """The times of texts in one format, null for any other text.

    The first day of a month, quarter or week, and the first minute of an hour, is its time. 24:00 is the
    midnight after a day. Midnights may lack their clock, as in Excel, if at most half of the texts do, no
    other midnight has one, and the texts stay in order.

    >>> parse_times(pl.Series(["2024-01", "soon"]), "%Y-%m").dt.date().to_list()
    [datetime.date(2024, 1, 1), None]
    >>> parse_times(pl.Series(["Q2 2024"]), "Q%q %Y").dt.date().to_list()
    [datetime.date(2024, 4, 1)]
    """
    if digits := re.match(DIGITS, form):
        width = 2 + 2 * digits[0].count("%")
        text = text.set(~text.str.contains(rf"^\d{{{width}}}(?:\D|$)"), None)
    for present, absent, field, value in COMPLETIONS:
        if re.search(present, form) and not re.search(absent, form):
            text, form = f"{value} " + text, f"{field} {form}"
    if "Q%q" in form:
        text = text.str.replace_many(list(FIRST_MONTHS), list(FIRST_MONTHS.values()))
        form = form.replace("Q%q", "month %m")
    times = _parse(text, form)
    if not times.has_nulls():
        return times
    if "%H:%M" in form:
        midnights = _parse(text.str.replace(LATE, "00:00$1"), form).dt.offset_by("1d")
        times = times.fill_null(midnights)
    clock = re.search("[ T]%-?[HI].*", form)
    return _with_bare_midnights(times, _parse(text, form[: clock.start()])) if clock else times


def _parse(text: pl.Series, form: str) -> pl.Series:
    try:
        if form in UNIX:
            return _unix_times(text, UNIX[form][1])
        if form == STUDY:
            return _study_times(text)
        times = text.str.to_datetime(form, strict=False, time_unit="us")
    except pl.exceptions.PolarsError:
        return pl.Series([None] * len(text), dtype=pl.Datetime("us"))
    times = times.dt.replace_time_zone(None)  # UTC, if the format has an offset
    return times.set(~times.dt.year().is_between(FIRST_YEAR, LAST_YEAR), None)


def _unix_times(text: pl.Series, unit: int) -> pl.Series:
    ticks = text.cast(pl.Int64, strict=False)
    limit = UNIX_SECONDS[1] * 1_000_000_000 // unit
    nanoseconds = ticks.set(~ticks.is_between(-limit, limit), None) * unit
    return nanoseconds.set(nanoseconds % 1000 != 0, None).cast(pl.Datetime("ns")).cast(pl.Datetime("us"))


def _study_times(text: pl.Series) -> pl.Series:
    """The months of the years of a study, as those from 2001 on."""
    year, month = (text.str.extract(STUDY_MONTH, group).cast(pl.Int32) for group in (1, 2))
    year = year.set(year == 0, None) + 2000
    return pl.select(pl.datetime(year, month, 1, time_unit="us")).to_series()


def _with_bare_midnights(times: pl.Series, days: pl.Series) -> pl.Series:
    """The times, with a midnight for each text that is a day only, if the column writes midnights so."""
    whole = times.fill_null(days)
    bare = times.null_count() - whole.null_count()
    has_others = (times == times.dt.truncate("1d")).any()
    in_order = _turns(whole.drop_nulls()) <= _turns(times.drop_nulls())
    return whole if 2 * bare <= len(times) and not has_others and in_order else times


def _turns(times: pl.Series) -> int:
    """How many times of a column are not in its order."""
    steps = times.diff().drop_nulls().dt.total_microseconds()
    return min(int((steps < 0).sum()), int((steps > 0).sum()))


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
    """The formats that the first or the longest text has, and all texts parsed in each of them."""
    sample = text.gather([0, text.str.len_chars().arg_max() or 0])
    outlines = {_outline(one) for one in sample}
    near = [form for form in FORMATS if _outlines()[form] in outlines]
    fitting = [form for form in near if parse_times(sample, form).null_count() < len(sample)]
    return [(form, parse_times(text, form)) for form in fitting]


@cache
def _outlines() -> dict[str, str]:
    """The outline of the texts in each format."""
    names = {form: re.sub("%[bBp]", "a", form.replace("%.f", "")) for form in FORMATS}
    return {form: _outline(re.sub("%[A-Za-z]", "0", name)) for form, name in names.items()}


def _outline(text: str) -> str:
    """A text with numbers as 0 and words as a, without spaces and fractions of a second."""
    words = re.sub("[A-Za-z]+", "a", re.sub(r"(:\d\d)\.\d+", r"\1", text))
    return re.sub(r"\s", "", re.sub(r"\d+", "0", words))


def may_be_time(text: str) -> bool:
    """Whether a text has the outline of a format, or a clock, after which an offset may follow.

    >>> may_be_time("31-12-2024"), may_be_time("1.5 kg")
    (True, False)
    """
    return ":" in text or _outline(text) in _outlines().values()


def exact_format(text: pl.Series, times: pl.Series, form: str) -> str:
    """The format of these texts: the one that parsed them, or this without leading zeros or in lower case.

    >>> text = pl.Series(["1/2/2024 3:00 pm"])
    >>> exact_format(text, parse_times(text, "%m/%d/%Y %I:%M %p"), "%m/%d/%Y %I:%M %p")
    '%-m/%-d/%Y %-I:%M %P'
    """
    every = max(1, len(text) // SAMPLE)
    text, times = text.gather_every(every), times.gather_every(every)
    unpadded = (re.sub(f"%([{fields}])", r"%-\1", form) for fields in ("md", "HI", "mdHI"))
    variants = [one for exact in (form, *unpadded) for one in (exact, exact.replace("%p", "%P"))]
    return max(variants, key=lambda one: (times.dt.to_string(one) == text).sum())


def whole_date_format(text: pl.Series) -> str | None:
    """The format if all texts, or most of those with hours, are dates of digits only; None otherwise.

    >>> whole_date_format(pl.Series(["20240131", "20240201"]))
    '%Y%m%d'
    """
    for form, pattern in WHOLE_DATES.items():
        fitting = int(text.str.contains(pattern).sum())
        if fitting == len(text) or ("%H" in form and 2 * fitting > len(text)):
            return form
    return None


def is_study(text: pl.Series) -> bool:
    """Whether all texts are a year from 1 on and a month of two digits, one or a few months apart.

    They are no day and month, nor a year of this century: some year has one digit, and there are several.

    >>> is_study(pl.Series(["1-11", "1-12", "2-01"])), is_study(pl.Series(["01-11", "01-12", "02-01"]))
    (True, False)
    """
    if not text.str.contains(STUDY_MONTH).all() or not text.str.contains("^[1-9]-").any():
        return False
    times = _study_times(text)
    if times.has_nulls() or times.dt.year().n_unique() == 1:
        return False
    months = np.unique(times.dt.year().to_numpy() * 12 + times.dt.month().to_numpy())
    return bool(np.median(np.diff(months)) < 12)


def unix_format(numbers: pl.Series) -> str | None:
    """The format if all numbers are Unix seconds of 10 digits, or as late in smaller units, up to 2100."""
    return next((form for form in UNIX if _is_unix(numbers, form).all(ignore_nulls=False)), None)


def unix_units(numbers: pl.Series) -> pl.Series:
    """The unit of each number that is a Unix time of one of these formats, null for any other.

    >>> unix_units(pl.Series([1_700_000_000, 1_700_000_000_000, 5])).to_list()
    ['seconds', 'milliseconds', None]
    """
    units = pl.Series([None] * len(numbers), dtype=pl.String)
    for form, (unit, _) in UNIX.items():
        units = units.set(_is_unix(numbers, form).fill_null(False), unit)
    return units


def _is_unix(numbers: pl.Series, form: str) -> pl.Series:
    first, last = (bound * 1_000_000_000 // UNIX[form][1] for bound in UNIX_SECONDS)
    return numbers.is_between(first, last)


def format_time(time: object) -> str:
    """A time as a text, without a clock at midnight."""
    return str(time).removesuffix(" 00:00:00")


def time_order(times: pl.Series) -> Callable[[str], Any]:
    """The key by which texts of `format_time` sort as the times do.

    >>> sorted(["10", "9"], key=time_order(pl.Series([9, 10])))
    ['9', '10']
    """
    if times.dtype.is_numeric():
        return int if times.dtype.is_integer() else float
    return str  # dates as texts sort as they are


def shortest_format(times: pl.Series) -> str | None:
    """The shortest format that keeps all of the times; None for numbers."""
    if times.dtype.is_numeric():
        return None
    if (times != times.dt.truncate("1d")).any():
        return "%Y-%m-%d %H:%M:%S"
    return "%Y-%m" if (times.dt.day() == 1).all() else "%Y-%m-%d"

"""Times: reading a column of them, and the step from one to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y%m%d")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S%.f")
ZONED = ("T%H:%M%z", "T%H:%M:%S%z", "T%H:%M:%S%.f%z", " %H:%M%z", " %H:%M:%S%z", " %H:%M:%S%.f%z")
MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%Y%m")
WHOLE_DATE = r"^(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])?$"  # 20240131 or 202401
FIRST_YEAR = 1000  # two digits are no year
SECOND, DAY = 1_000_000, 86_400_000_000  # in microseconds
UNITS = {"week": 7 * DAY, "day": DAY, "hour": 3600 * SECOND, "minute": 60 * SECOND, "second": SECOND}
USUAL_PERIODS = {"hour": 24, "day": 7, "week": 52, "month": 12, "quarter": 4}


def read_times(table: Table, name: str, time_format: str | None = None) -> pl.Series:
    """The time column as dates with a clock, or as whole numbers.

    Times with a zone become those of UTC, or of the zone itself where all show the same clock.

    Errors: `GatewiseError` with the line where a cell is no time, or where two formats fit.
    """
    given = table.column(name, "time")
    _check_all_there(table, name, given)
    if given.dtype in (pl.Date, pl.Datetime):
        return _without_zone(given.cast(pl.Datetime("us")) if given.dtype == pl.Date else given)
    if given.dtype.is_float() and (given == given.round()).all():
        given = given.cast(pl.Int64)
    text = given.cast(pl.String).str.strip_chars()
    _check_all_there(table, name, text)
    if time_format is not None:
        return _parsed_whole(table, name, text, time_format)
    whole = text.cast(pl.Int64, strict=False)
    if not whole.is_null().any() and not text.str.contains(WHOLE_DATE).all():
        return whole
    return _recognised(table, name, text)


def _without_zone(times: pl.Series) -> pl.Series:
    if getattr(times.dtype, "time_zone", None) is None:
        return times.cast(pl.Datetime("us"))
    local = times.dt.replace_time_zone(None)
    one_clock = local.dt.time().n_unique() == 1
    kept = local if one_clock else times.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return kept.cast(pl.Datetime("us"))


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
    """Whether at least half of a column's first cells are dates in one form."""
    given = table.frame[name].head(20)
    if given.dtype.is_temporal():
        return True
    if given.dtype != pl.String:
        return False
    return any(2 * values.null_count() <= len(given) for _, values in _tries(given.str.strip_chars()))


def _recognised(table: Table, name: str, text: pl.Series) -> pl.Series:
    best, fewest = "", len(text) + 1
    fitting: dict[str, pl.Series] = {}
    for one, values in _tries(text):
        wrong = values.null_count()
        if wrong == 0:
            fitting[one] = values
        if wrong < fewest:
            best, fewest = one, wrong
    different = {tuple(values.to_list()): one for one, values in fitting.items()}
    if len(different) > 1:
        first, second = list(different.values())[:2]
        raise GatewiseError(
            f"{table.path}, column {name!r}: {text[0]!r} may be {first} or {second}; "
            "say which with --time-format"
        )
    if fitting:
        return next(iter(fitting.values()))
    return _parsed_whole(table, name, text, best)


def _parsed_whole(table: Table, name: str, text: pl.Series, time_format: str) -> pl.Series:
    values = _parsed(text, time_format)
    if values.is_null().any():
        row = int(values.is_null().arg_max() or 0)
        raise GatewiseError(
            f"{table.path}, {table.place(row)}, column {name!r}: expected a time like "
            f"{time_format or '%Y-%m-%d, or whole numbers'}, got {text[row]!r}"
        )
    return values


def _tries(text: pl.Series) -> list[tuple[str, pl.Series]]:
    """The column read in each format that its first cell fits."""
    bare = text.str.replace(r"(Z| ?UTC|\+00:?00)$", "")
    formats = [*MONTHS, *(day + clock for day in DAYS for clock in (*CLOCKS, *ZONED))]
    return [(one, _parsed(bare, one)) for one in formats if not _parsed(bare.head(1), one).is_null().any()]


def _parsed(text: pl.Series, time_format: str) -> pl.Series:
    if time_format in MONTHS:
        text, time_format = text + " 1", time_format + " %d"
    try:
        times = _without_zone(text.str.to_datetime(time_format, strict=False, time_unit="us"))
    except pl.exceptions.PolarsError:
        return pl.Series([None] * len(text), dtype=pl.Datetime("us"))
    return times.set(times.dt.year() < FIRST_YEAR, None)


def _check_all_there(table: Table, name: str, values: pl.Series) -> None:
    missing = values.is_null() | ((values == "") if values.dtype == pl.String else False)
    if missing.any():
        raise GatewiseError(
            f"{table.path}, {table.place(int(missing.arg_max() or 0))}, column {name!r}: the time is missing"
        )


@dataclass(frozen=True)
class Step:
    """The distance from one time to the next: so many microseconds, months, or whole numbers."""

    size: int
    unit: str  # "microseconds", "months" or "numbers"

    def __str__(self) -> str:
        if self.unit == "numbers":
            return "unit" if self.size == 1 else f"{self.size} units"
        name, count = self._named()
        return name if count == 1 else f"{count} {name}s"

    def _named(self) -> tuple[str, int]:
        if self.unit == "months":
            for name, size in (("year", 12), ("quarter", 3)):
                if self.size % size == 0:
                    return name, self.size // size
            return "month", self.size
        for name, size in UNITS.items():
            if self.size % size == 0:
                return name, self.size // size
        return "microsecond", self.size

    @property
    def usual_period(self) -> int | None:
        """The steps of a day, week or year, whichever such data mostly follows."""
        if self.unit == "numbers":
            return None
        name, count = self._named()
        per_day = {"hour": 24, "minute": 1440, "second": 86400}
        if name in per_day and per_day[name] % count == 0:
            return per_day[name] // count
        return USUAL_PERIODS.get(name) if count == 1 else None

    def places(self, times: pl.Series) -> np.ndarray:
        """Each time's distance from the first, in steps; a broken one lies off the grid."""
        ticks = _ticks(times, self.unit)
        return (ticks - ticks[0]) / self.size

    def grid(self, times: pl.Series, count: int) -> pl.Series:
        """`count` times from the first of a column, a step apart."""
        steps = pl.int_range(count, eager=True) * self.size
        start = pl.Series([times[0]] * count, dtype=times.dtype)
        if self.unit == "numbers":
            return start + steps
        if self.unit == "microseconds":
            return start + steps.cast(pl.Duration("us"))
        frame = pl.DataFrame({"start": start, "by": steps.cast(pl.String) + "mo"})
        moved = frame.select(pl.col("start").dt.offset_by(pl.col("by")))["start"]
        return moved.dt.month_end() if _at_month_ends(times) else moved


def find_step(times: pl.Series) -> Step:
    """The step of times in order: whole months where all fall on one day of the month, else the commonest."""
    if times.dtype.is_integer():
        return Step(_commonest(_ticks(times, "numbers")), "numbers")
    days = times.dt.day()
    gaps = np.diff(_ticks(times, "microseconds"))
    monthly = (days.n_unique() == 1 or _at_month_ends(times)) and times.dt.time().n_unique() == 1
    if monthly and len(gaps) and gaps.min() >= 28 * DAY:
        return Step(_commonest(_ticks(times, "months")), "months")
    return Step(_commonest(_ticks(times, "microseconds")), "microseconds")


def _ticks(times: pl.Series, unit: str) -> np.ndarray:
    readers: dict[str, Callable[[], pl.Series]] = {
        "numbers": lambda: times,
        "microseconds": lambda: times.dt.epoch("us"),
        "months": lambda: times.dt.year().cast(pl.Int64) * 12 + times.dt.month().cast(pl.Int64),
    }
    return np.asarray(readers[unit]().to_numpy())


def _at_month_ends(times: pl.Series) -> bool:
    return bool((times == times.dt.month_end()).all()) and bool((times.dt.day() > 27).all())


def _commonest(ticks: np.ndarray) -> int:
    values, counts = np.unique(np.diff(ticks), return_counts=True)
    return int(values[counts.argmax()]) if len(values) else 1

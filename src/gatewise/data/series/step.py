"""The step between consecutive times of a series."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import polars as pl

from gatewise.errors import GatewiseError

LAST_YEAR = 9999
END = 253_402_300_800_000_000  # of that year, in microseconds from 1970
SECOND, HOUR, DAY = 1_000_000, 3_600_000_000, 86_400_000_000  # in microseconds
YEAR = 365.25 * DAY
ABOUT = "about "  # before a typical step
DIGITS = 12  # significant ones of times with decimals that are computed
MIN_COUNT = 10  # of the units to which a typical step is rounded
UNITS = {"week": 7 * DAY, "day": DAY, "hour": HOUR, "minute": 60 * SECOND, "second": SECOND}
MONTHS = {"year": 12, "quarter": 3, "month": 1}
USUAL_PERIODS = {"hour": 24, "day": 7, "week": 52, "month": 12, "quarter": 4}


@dataclass(frozen=True)
class Step:
    """The distance between consecutive times: a number of microseconds, months, or plain numbers.

    size: a whole number, unless times are numbers with decimals
    unit: "microseconds", "months" or "numbers"
    is_irregular: whether distances differ, and this is a typical one
    """

    size: float
    unit: str
    is_irregular: bool = False

    def __str__(self) -> str:
        text = self._text()
        if self.is_irregular:
            return f"{ABOUT}{text if text[0].isdigit() else f'1 {text}'}"
        return text

    def _text(self) -> str:
        if self.unit == "numbers":
            size = self.size if isinstance(self.size, int) else f"{self.size:g}"
            return "unit" if self.size == 1 else f"{size} units"
        name, count = self._named()
        return name if count == 1 else f"{count} {name}s"

    @property
    def words(self) -> str:
        """The step after "a step of".

        >>> Step(1, "months").words, Step(30 * 60 * 10**6, "microseconds", is_irregular=True).words
        ('one month', 'about 30 minutes')
        """
        text = str(self)
        return text if self.is_irregular or text[0].isdigit() else f"one {text}"

    @staticmethod
    def named(text: str) -> Step:
        """The step that `str` writes in this form.

        >>> Step.named("2 hours") == Step(2 * HOUR, "microseconds"), Step.named("about 1 quarter")
        (True, Step(size=3, unit='months', is_irregular=True))
        """
        count, _, name = text.removeprefix(ABOUT).rpartition(" ")
        is_irregular, name = text.startswith(ABOUT), name.removesuffix("s")
        if name == "unit":
            size = int(count or 1) if count.isdigit() or not count else float(count)
            return Step(size, "numbers", is_irregular)
        times = int(count or 1)
        if name in MONTHS:
            return Step(times * MONTHS[name], "months", is_irregular)
        return Step(times * {**UNITS, "microsecond": 1}[name], "microseconds", is_irregular)

    @property
    def length(self) -> float:
        """In microseconds, of months on average; of numbers the size."""
        return self.size * YEAR / 12 if self.unit == "months" else self.size

    def _named(self) -> tuple[str, int]:
        whole = int(self.size)
        if self.unit == "months":
            for name, size in MONTHS.items():
                if whole % size == 0:
                    return name, whole // size
        for name, size in UNITS.items():
            if whole % size == 0:
                return name, whole // size
        return "microsecond", whole

    @property
    def usual_period(self) -> int | None:
        """The steps of a day, week or year, whichever is the usual period of data with this step."""
        if self.unit == "numbers" or self.is_irregular:
            return None
        name, count = self._named()
        per_day = {"hour": 24, "minute": 1440, "second": 86400}
        if name in per_day and per_day[name] % count == 0:
            return per_day[name] // count
        return USUAL_PERIODS.get(name) if count == 1 else None

    def places(self, times: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """The whole steps from the first time to each, and whether each is on the grid of this step."""
        ticks = ticks_of(times, self.unit)
        places = (ticks - ticks[0]) // self.size
        return places, (self.at(times, places) == times).to_numpy()

    def phases(self, times: pl.Series) -> Phases:
        """The whole steps before each time, from a common origin, and the rest.

        >>> from datetime import date
        >>> days = pl.Series([date(2024, 1, 5), date(2024, 2, 5), date(2024, 3, 6)])
        >>> months = Step(1, "months").phases(days)
        >>> [months.are_consecutive(np.arange(count)) for count in (2, 3)]
        [True, False]
        """
        places, rests = np.divmod(ticks_of(times, self.unit), self.size)
        if self.unit == "months":
            days = times.dt.day().to_numpy() - 1
            # A day that not all months have is moved to their ends, which `at` does.
            within = (rests * 28 + days) * DAY + ticks_of(times, "microseconds") % DAY
            rests = np.where(days < 28, within, -1)
        return Phases(places, rests)

    def grid(self, times: pl.Series, count: int) -> pl.Series:
        """`count` times, one step apart, from the first of a column on."""
        return self.at(times, np.arange(count))

    def extended(self, times: pl.Series, count: int) -> pl.Series:
        """The first `count` of the times of a series, and beyond its last one times that are a step apart.

        >>> Step(5, "numbers", is_irregular=True).extended(pl.Series([1, 4]), 4).to_list()
        [1, 4, 9, 14]
        """
        if not self.is_irregular:
            return self.grid(times, count)
        beyond = count - len(times)
        if beyond <= 0:
            return times[:count]
        later = self.at(times[-1:], np.arange(1, beyond + 1))
        return joined_times(times, later.round_sig_figs(DIGITS) if later.dtype.is_float() else later)

    def at(self, times: pl.Series, places: np.ndarray) -> pl.Series:
        """The times at numbers of steps from the first of a column.

        Raises: `GatewiseError` if one is after the year 9999, or a whole number has more than 64 bits.
        """
        last = self.size * int(places.max(initial=0))
        start = pl.Series([times[0]] * len(places), dtype=times.dtype)
        if self.unit == "numbers":
            _check_end(times, last + times[0] < 1 << 63)
            return start + pl.Series(places * self.size)
        if self.unit == "microseconds":
            _check_end(times, last + int(times.dt.epoch("us")[0]) < END)
            return start + pl.Series(places * self.size).cast(pl.Duration("us"))
        _check_end(times, last + int(ticks_of(times[:1], "months")[0]) < 12 * (LAST_YEAR + 1))
        frame = pl.DataFrame({"start": start, "by": pl.Series(places * self.size).cast(pl.String) + "mo"})
        moved = frame.select(pl.col("start").dt.offset_by(pl.col("by")))["start"]
        anchor = _anchor(times)
        return moved if anchor is None else anchor(moved)


def joined_times(times: pl.Series, later: pl.Series) -> pl.Series:
    """Times and later ones, of which some may be whole numbers and others have decimals."""
    if times.dtype.is_numeric() and times.dtype != later.dtype:
        times, later = times.cast(pl.Float64), later.cast(pl.Float64)
    return pl.concat([times, later])


@dataclass(frozen=True)
class Phases:
    """Times as whole steps and the rest after them, -1 where it differs from step to step."""

    steps: np.ndarray
    rests: np.ndarray

    def are_consecutive(self, rows: np.ndarray) -> bool:
        """Whether the times of some rows, in their order, are certainly one step apart."""
        rests = self.rests[rows]
        is_regular = rests[0] >= 0 and bool((rests == rests[0]).all())
        return is_regular and bool((np.diff(self.steps[rows]) == 1).all())


def _check_end(times: pl.Series, fits: bool) -> None:
    if not fits:
        raise GatewiseError(
            f"times from {times[0]} on extend beyond the year {LAST_YEAR} or 64 bits; give earlier ones"
        )


def find_step(times: pl.Series) -> Step:
    """The most frequent step of sorted times.

    It is in months if all fall on the same day of the month, on its last day, or on its last business day.
    """
    if times.dtype.is_integer():
        return Step(_most_frequent(ticks_of(times, "numbers")), "numbers")
    gaps = np.diff(ticks_of(times, "microseconds"))
    may_be_months = len(gaps) > 0 and gaps.min() >= 28 * DAY and times.dt.time().n_unique() == 1
    if may_be_months and (times.dt.day().n_unique() == 1 or _anchor(times) is not None):
        return Step(_most_frequent(ticks_of(times, "months")), "months")
    return Step(_most_frequent(ticks_of(times, "microseconds")), "microseconds")


def typical_step(times: pl.Series, ordered: Collection[np.ndarray]) -> Step:
    """The median step of series at irregular times, rounded to about two digits.

    It is in months if all times are on the first or all on the last day of one.

    ordered: the sorted rows of each series

    >>> from datetime import datetime
    >>> times = pl.Series([datetime(2024, 1, 1, hour, minute) for hour, minute in ((0, 0), (1, 7), (2, 9))])
    >>> typical_step(times, [np.arange(3)]).words
    'about 62 minutes'
    """
    if times.dtype.is_float():
        gaps = np.concatenate([np.diff(times.gather(rows).to_numpy()) for rows in ordered])
        return Step(float(f"{np.median(gaps):.2g}") if len(gaps) else 1.0, "numbers", is_irregular=True)
    if times.dtype.is_integer():
        units, unit = [10**power for power in range(19)], "numbers"
    elif _are_months(times):
        units, unit = [1], "months"
    else:
        units, unit = [1, *sorted(set(UNITS.values()) - {UNITS["week"]})], "microseconds"
    ticks = ticks_of(times, unit)
    gaps = np.concatenate([np.diff(ticks[rows]) for rows in ordered])
    if not len(gaps):
        return Step(1, unit, is_irregular=True)
    median = int(np.sort(gaps)[(len(gaps) - 1) // 2])
    whole = max(one for one in units if not (gaps % one).any())
    rounded = max(one for one in units if one <= max(median / MIN_COUNT, whole))
    return Step(max(round(median / rounded), 1) * rounded, unit, is_irregular=True)


def _are_months(times: pl.Series) -> bool:
    """Whether times are on the first day of a month, or all on the last, at the same time of the day."""
    is_same = times.dt.time().n_unique() == 1
    return is_same and ((times.dt.day() == 1).all() or bool((times == times.dt.month_end()).all()))


def ticks_of(times: pl.Series, unit: str) -> np.ndarray:
    """Times as whole numbers of a unit: that of a `Step`."""
    readers: dict[str, Callable[[], pl.Series]] = {
        "numbers": lambda: times,
        "microseconds": lambda: times.dt.epoch("us"),
        "months": lambda: times.dt.year().cast(pl.Int64) * 12 + times.dt.month().cast(pl.Int64),
    }
    return np.asarray(readers[unit]().to_numpy())


def _anchor(times: pl.Series) -> Callable[[pl.Series], pl.Series] | None:
    """The function from a time to the day of its month on which all times fall, None for any other day."""
    if (times.dt.month_end() == times).all():
        return lambda moved: moved.dt.month_end()
    same_day = times.dt.day().n_unique() == 1
    return None if same_day or (_last_business_days(times) != times).any() else _last_business_days


def _last_business_days(times: pl.Series) -> pl.Series:
    """The last day of each month that is not on a weekend."""
    ends = times.dt.month_end()
    after_friday = (ends.dt.weekday().cast(pl.Int64) - 5).clip(0)
    return ends - (after_friday * DAY).cast(pl.Duration("us"))


def _most_frequent(ticks: np.ndarray) -> int:
    values, counts = np.unique(np.diff(ticks), return_counts=True)
    return int(values[counts.argmax()]) if len(values) else 1

"""The times of the observations of a stream: each one step after the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from gatewise.data.series.step import Step
from gatewise.errors import GatewiseError

Moment = datetime | int
LATEST = 1 << 62  # so that later times have 64 bits, too


@dataclass(frozen=True)
class Clock:
    """The first and the last time of a sequence, and the number of its observations."""

    first: Moment
    last: Moment
    count: int = 1

    def to_plain(self) -> list[Any]:
        """The clock as plain data, for `from_plain`."""
        return [_text(self.first), _text(self.last), self.count]

    @classmethod
    def from_plain(cls, data: Any) -> Clock:
        """The clock of plain data. Raises: `ValueError` if they are something else."""
        match data:
            case [int() | str() as first, int() | str() as last, int() as count] if count > 0:
                return cls(read_moment(first), read_moment(last), count)
        raise ValueError("expected a clock as its first and last time and a count")

    def moved(self, time: Moment) -> Clock:
        """The clock after an observation at a time."""
        return replace(self, last=time, count=self.count + 1)

    def ahead(self, step: Step, steps: int) -> pl.Series:
        """The last time, and those of the steps after it."""
        if step.is_irregular:
            last = moments([self.last])
            return step.extended(last, 1 + steps)
        both = moments([self.first, self.last])
        places = np.arange(self.count - 1, self.count + steps)
        return step.at(both, places)

    def elapsed(self, time: Moment, unit: float) -> float:
        """The time since the last observation, in a unit. Raises: `GatewiseError` if time runs backwards."""
        if type(time) is not type(self.last) or time < self.last:  # type: ignore[operator]
            raise GatewiseError(f"expected a time after {_text(self.last)}, got {_text(time)}")
        ticks = moments([self.last, time]).to_physical()
        return float(ticks[1] - ticks[0]) / unit


def read_moment(given: object) -> Moment:
    """A time that a user gives: a whole number, a date, a datetime without a zone, or a text in ISO 8601.

    Raises: `GatewiseError` if it is something else.
    """
    if isinstance(given, bool):
        raise GatewiseError(f"expected a time, got {given!r}")
    if isinstance(given, int | np.integer):
        if abs(int(given)) >= LATEST:
            raise GatewiseError("expected a time of less than 63 bits")
        return int(given)
    if isinstance(given, np.datetime64):
        given = given.astype("datetime64[us]").item()
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError as error:
            raise GatewiseError(
                f"expected a time in ISO 8601, such as 2024-01-31, got {repr(given)[:80]}"
            ) from error
    if isinstance(given, datetime):
        if given.tzinfo is not None:
            raise GatewiseError(f"expected a local time without an offset, got {given.isoformat()}")
        day = (given.year, given.month, given.day)
        return datetime(*day, given.hour, given.minute, given.second, given.microsecond)
    if isinstance(given, date):
        return datetime(given.year, given.month, given.day)
    raise GatewiseError(f"expected a time, got {repr(given)[:80]}")


def moments(times: Sequence[Moment]) -> pl.Series:
    """Times as a column."""
    if all(isinstance(one, int) for one in times):
        return pl.Series(times, dtype=pl.Int64)
    try:
        return pl.Series(times, dtype=pl.Datetime("us"))
    except TypeError as error:
        raise GatewiseError("some times are whole numbers, and others are dates; give one kind") from error


def _text(moment: Moment) -> str | int:
    return moment if isinstance(moment, int) else moment.isoformat()

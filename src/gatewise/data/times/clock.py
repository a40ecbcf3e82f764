"""Offsets and zones of times: a common clock of a column, and how its times are written again."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import polars as pl

from gatewise.data.times.excel import EXCEL, excel_serials
from gatewise.data.times.zones import offset_minutes, to_zoned

OFFSETS = (  # the year of 31-01-2024 is none
    r"^(.*\d)( ?(?:Z|z|UTC|[+-][01]\d:?\d{2}|[+-]\d{2}:\d{2}))$",
    r"^(.*\d:\d{2}(?:\.\d+)?)( ?[+-]\d{2})$",
    r"^(.*\d:\d{2}(?:\.\d+)?(?: ?[AaPp][Mm])?)( ?[A-Z]{3,5})$",
)
MINUTE = 60_000_000  # microseconds


@dataclass(frozen=True)
class Clock:
    """How the times of a file are written.

    form: of texts and whole numbers that are dates, as in `strftime`; None for other columns
    offset: the offset of the texts, as they have it
    dtype: of a typed column, or of whole numbers that are dates
    shift: microseconds from UTC to its values, None for local time
    note: on Unix times, and on the offsets, if they change
    zone: in whose local time the values are, converted from UTC; None for the clock of the file
    """

    form: str | None = None
    offset: str = ""
    dtype: pl.DataType | None = None
    shift: int | None = None
    note: str | None = None
    zone: str | None = None

    def restored(self, times: pl.Series) -> pl.Series:
        """Times of this clock in the type of the column that was read; texts if they have an offset."""
        if self.zone is not None:
            utc = to_zoned(times, self.zone).dt.convert_time_zone("UTC").dt.replace_time_zone(None)
            ahead = offset_minutes(self.offset) if self.offset else 0
            return replace(self, zone=None, shift=0).restored(utc.dt.offset_by(f"{ahead}m"))
        if self.form == EXCEL:
            return excel_serials(times)
        if times.dtype.is_integer() and self.dtype is not None and self.dtype.is_temporal():
            return times.cast(self.dtype)
        if self.offset:
            return times.dt.to_string(f"{self.form}{self.offset}")
        if self.dtype is None:
            return times
        if self.dtype.is_integer():
            return times.dt.to_string(self.form or "%s").cast(self.dtype)
        zone = getattr(self.dtype, "time_zone", None)
        if zone is not None and self.shift is not None:
            shifted = times - pl.duration(microseconds=self.shift)
            times = pl.select(shifted).to_series().dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        elif zone is not None:
            times = to_zoned(times, zone)
        elif self.dtype == pl.Duration:
            times = times.dt.epoch("us").cast(pl.Duration("us"))
        return times.cast(self.dtype)

    def written(self, times: pl.Series) -> str | None:
        """The form, as in `strftime`, of restored times in a text file; None for numbers and texts."""
        if not isinstance(times.dtype, pl.Datetime):
            return None
        if self.form is not None:
            return self.form
        zone = "" if times.dtype.time_zone is None else "%:z"
        whole = (times == times.dt.truncate("1d")).all() and not zone
        return "%Y-%m-%d" if whole else f"%Y-%m-%d %H:%M:%S{zone}"


class Times(NamedTuple):
    """A column of times.

    values: datetimes without a zone, or whole numbers; clock: how they are written in the file
    """

    values: pl.Series
    clock: Clock


def split_offsets(text: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Times without their offsets, and the offsets as texts, None if the first time has none.

    >>> text, offsets = split_offsets(pl.Series(["2024-01-31T00:00:00+01:00"]))
    >>> text[0], offsets[0]
    ('2024-01-31T00:00:00', '+01:00')
    """
    for form in OFFSETS:
        if re.fullmatch(form, text[0], re.DOTALL):
            offsets = text.str.extract(form, 2)
            return text.str.extract(form, 1).fill_null(text), offsets
    return text, None


def minutes_of(offsets: pl.Series) -> pl.Series:
    """Offsets in minutes, null where one is not a valid offset."""
    names = offsets.drop_nulls().unique().to_list()
    return offsets.replace_strict(
        names, [offset_minutes(name) for name in names], default=None, return_dtype=pl.Int64
    )


def on_one_clock(local: pl.Series, offsets: np.ndarray) -> tuple[pl.Series, int | None, int]:
    """Times of a column on one clock: local time if it is as regular as UTC, else UTC with the last offset.

    local: [T], local times; offsets: [T], in microseconds ahead of UTC

    Returns: the times, the offset from UTC (None for local time), the row of the last time
    """
    ticks = local.dt.epoch("us").to_numpy()
    instants = ticks - offsets
    last = int(instants.argmax())
    if (offsets == offsets[0]).all():
        return local, None, last
    pairs = len(np.unique(np.stack([ticks, offsets]), axis=1).T)
    times = np.unique(ticks)
    if pairs == len(times) and regularity(times) >= regularity(np.unique(instants)):
        return local, None, last
    shift = int(offsets[last])
    return pl.Series(local.name, instants + shift).cast(pl.Datetime("us")), shift, last


def regularity(times: np.ndarray) -> int:
    """How often the most frequent step occurs between sorted times."""
    return int(np.unique(np.diff(times), return_counts=True)[1].max(initial=0))

"""Offsets and zones of times: one clock for a column, and how to write its times as they were read."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

OFFSETS = (r"^(.*\d)( ?(?:Z|z|UTC|[+-]\d{2}:?\d{2}))$", r"^(.*\d:\d{2}(?:\.\d+)?)( ?[+-]\d{2})$")
MOST_MINUTES = 18 * 60
MINUTE = 60_000_000  # microseconds


@dataclass(frozen=True)
class Clock:
    """The form of the times of a file.

    form: of texts, as in `strftime`; None for whole numbers and typed columns
    offset: of the texts, as it stands there
    dtype: of a typed column; shift: microseconds by which its values in UTC were moved, None for local time
    note: what to know about the offsets, if anything
    """

    form: str | None = None
    offset: str = ""
    dtype: pl.DataType | None = None
    shift: int | None = None
    note: str | None = None

    def restored(self, times: pl.Series) -> pl.Series:
        """Times of this clock in the type of the column that was read; with an offset, as texts."""
        if self.offset:
            return times.dt.to_string(f"{self.form}{self.offset}")
        if self.dtype is None:
            return times
        zone = getattr(self.dtype, "time_zone", None)
        if zone is not None and self.shift is not None:
            moved = times - pl.duration(microseconds=self.shift)
            times = pl.select(moved).to_series().dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        elif zone is not None:
            times = _placed(times, zone).fill_null(_placed(times.dt.offset_by("1h"), zone))
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


def _placed(times: pl.Series, zone: str) -> pl.Series:
    """Local times in their zone: the first of two in autumn, null for one that is skipped in spring."""
    return times.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")


def split_offsets(text: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Times without their offsets, and the offsets as they stand there: None where the first has none.

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
    """Offsets in minutes; null where one is no offset of any place on earth."""
    names = offsets.drop_nulls().unique().to_list()
    return offsets.replace_strict(
        names, [_minutes(name) for name in names], default=None, return_dtype=pl.Int64
    )


def _minutes(offset: str) -> int | None:
    digits = offset.strip().replace(":", "")
    if digits in ("Z", "z", "UTC"):
        return 0
    hours, minutes = int(digits[1:3]), int(digits[3:] or 0)
    total = 60 * hours + minutes
    return (-total if digits[0] == "-" else total) if minutes < 60 and total <= MOST_MINUTES else None


def on_one_clock(local: pl.Series, offsets: np.ndarray) -> tuple[pl.Series, int | None, int]:
    """Times of a column on one clock: local time where it is as regular as UTC, else that of the last offset.

    local: as the clocks show it; offsets: [T], in microseconds, that they are ahead of UTC

    Returns: the times, the offset by which UTC was moved (None for local time), the row of the last time
    """
    shown = local.dt.epoch("us").to_numpy()
    instants = shown - offsets
    last = int(instants.argmax())
    if (offsets == offsets[0]).all():
        return local, None, last
    pairs = len(np.unique(np.stack([shown, offsets]), axis=1).T)
    times = np.unique(shown)
    if pairs == len(times) and _regularity(times) >= _regularity(np.unique(instants)):
        return local, None, last
    shift = int(offsets[last])
    return pl.Series(local.name, instants + shift).cast(pl.Datetime("us")), shift, last


def _regularity(times: np.ndarray) -> int:
    """How often the commonest step occurs between sorted times."""
    return int(np.unique(np.diff(times), return_counts=True)[1].max(initial=0))

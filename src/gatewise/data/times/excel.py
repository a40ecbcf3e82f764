"""Serial numbers of Excel: the days from 1899-12-30 on, and the time of day as their fraction."""

from __future__ import annotations

import numpy as np
import polars as pl

EXCEL = "excel"  # the format of times
FIRST, LAST = 61, 2_958_465  # 1900-03-01, before which Excel counts a day too many, and 9999-12-31
FIRST_USUAL, LAST_USUAL = 36_526, 54_788  # the years 2000 to 2049
EPOCH, SECONDS = 25_569, 86_400  # 1970-01-01; the seconds of a day


def excel_times(serials: pl.Series) -> pl.Series:
    """The times of serial numbers, to the second, null where one is out of range.

    >>> excel_times(pl.Series([45292.25]))[0]
    datetime.datetime(2024, 1, 1, 6, 0)
    """
    valid = serials.is_between(FIRST, LAST + 1, closed="left").fill_null(False)
    seconds = ((serials.set(~valid, None) - EPOCH) * SECONDS).round()
    return (seconds.cast(pl.Int64) * 1_000_000).cast(pl.Datetime("us"))


def excel_serials(times: pl.Series) -> pl.Series:
    """The serial numbers of times; whole numbers if all are midnights.

    >>> excel_serials(excel_times(pl.Series([45292.25, 45293.0]))).to_list()
    [45292.25, 45293.0]
    """
    days = times.dt.epoch("us") / (1_000_000 * SECONDS) + EPOCH
    return days.cast(pl.Int64) if (days == days.round()).all() else days


def may_be_serials(numbers: np.ndarray) -> bool:
    """Whether numbers may be dates of Excel of the years 2000 to 2049."""
    return bool(((numbers >= FIRST_USUAL) & (numbers < LAST_USUAL)).all())

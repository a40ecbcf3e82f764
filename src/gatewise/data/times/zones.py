"""Time zones: offsets by the names of zones, and local times of a zone."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from gatewise.errors import GatewiseError

MAX_MINUTES = 18 * 60
ZONES = {
    "Z": 0,
    "z": 0,
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "WEST": 60,
    "CET": 60,
    "CEST": 120,
    "EET": 120,
    "EEST": 180,
    "BST": 60,
    "EST": -300,
    "EDT": -240,
    "CST": -360,
    "CDT": -300,
    "MST": -420,
    "MDT": -360,
    "PST": -480,
    "PDT": -420,
}  # minutes ahead of UTC
PARTNERS = {
    "BST": "GMT",
    "EST": "EDT",
    "EDT": "EST",
    "CST": "CDT",
    "CDT": "CST",
    "MST": "MDT",
    "MDT": "MST",
    "PST": "PDT",
    "PDT": "PST",
}  # names of several zones, each with the one that makes it clear in the same column
PLAIN = ("Z", "z", "UTC", "GMT")


def offset_minutes(offset: str) -> int | None:
    """The minutes of an offset or a named zone ahead of UTC; None if it is not valid.

    >>> offset_minutes("+05:30"), offset_minutes(" CET"), offset_minutes("+25:00")
    (330, 60, None)
    """
    digits = offset.strip().replace(":", "")
    if digits.isalpha():
        return ZONES.get(digits)
    hours, minutes = int(digits[1:3]), int(digits[3:] or 0)
    total = 60 * hours + minutes
    return (-total if digits[0] == "-" else total) if minutes < 60 and total <= MAX_MINUTES else None


def unclear_zone(offsets: Collection[str]) -> str | None:
    """The first of the offsets of a column that is the name of no zone or of several ones.

    >>> unclear_zone(["EST"]), unclear_zone(["EST", "EDT"])
    ('EST', None)
    """
    names = [offset.strip() for offset in offsets if offset.strip().isalpha()]
    return next(
        (one for one in names if one not in ZONES or (one in PARTNERS and PARTNERS[one] not in names)), None
    )


def describe_zones(column: str, offsets: Collection[str]) -> str | None:
    """A note on the offsets that named zones are read as; None for those that everyone knows."""
    names = sorted({offset.strip() for offset in offsets} - set(PLAIN))
    shown = [f"{name} {_written(ZONES[name])}" for name in names if name.isalpha()]
    return f"the zones of column {column!r} are read as offsets: {', '.join(shown)}" if shown else None


def to_local(utc: pl.Series, zone: str) -> pl.Series:
    """Times in UTC as those of the clocks in a zone. Raises: `GatewiseError` if there is no such zone.

    >>> to_local(pl.Series(["2024-06-30 22:00"]).str.to_datetime("%Y-%m-%d %H:%M"), "Europe/Berlin")[0]
    datetime.datetime(2024, 7, 1, 0, 0)
    """
    try:
        zoned = utc.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    except pl.exceptions.PolarsError as error:
        raise GatewiseError(f"there is no time zone {zone!r}; give one such as Europe/Berlin") from error
    return zoned.dt.replace_time_zone(None)


def to_zoned(local: pl.Series, zone: str) -> pl.Series:
    """Times of the clocks in a zone with this zone: the earlier of two in autumn, an hour later in spring."""
    zoned, later = (
        one.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        for one in (local, local.dt.offset_by("1h"))
    )
    return zoned.fill_null(later)


def _written(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"

"""The lines of `.ts` archives (sktime, aeon), with or without the time of each value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from gatewise.data.sequences.archive_header import (
    NO_DATA,
    ArchiveHeader,
    Case,
    Labels,
    check_label,
    header_line,
)
from gatewise.errors import GatewiseError

OUTSIDE_COLON = re.compile(r":(?![^()]*\))")  # the times in brackets have colons, too
TIMED = re.compile(r"\(([^(),]+),([^(),]*)\)")


def ts_cases(path: Path, lines: Iterator[str], wanted: Labels | None) -> Iterator[Case]:
    """Yields the sequences of a `.ts` file. wanted: what each must have; None for nothing

    Raises: `GatewiseError` with the line where the format is violated.
    """
    classes: list[str] | None = None
    begun, has_target, timed, header = False, False, False, ArchiveHeader(path)
    for line, text in enumerate(lines, 1):
        text = text.strip()
        if not text or text.startswith("#"):
            continue
        if begun:
            channels = OUTSIDE_COLON.split(text) if timed else text.split(":")
            label = None if classes is None and not has_target else channels.pop().strip()
            if not channels:
                raise GatewiseError(
                    f"{path}, line {line}: expected channels and a label, separated by colons"
                )
            check_label(path, line, label, classes)
            case = Case(line, channels, label, timed)
            yield case
            header.check(case)
            continue
        tag, *words = header_line(path, line, text, "a .ts")
        first = words[0].lower() if words else ""
        timed = timed or (tag == "@timestamps" and first == "true")
        if tag == "@targetlabel" and first == "true":
            if wanted == "classes":
                raise GatewiseError(
                    f"{path}, line {line}: expected classes with @classLabel, got numeric targets, which are "
                    "for the task regress"
                )
            has_target = True
        if tag == "@classlabel" and first == "true":
            if wanted == "numbers":
                raise GatewiseError(
                    f"{path}, line {line}: expected numeric targets with @targetLabel, got classes, which "
                    "are for the task classify"
                )
            classes = words[1:]
        header.read(line, tag, words)
        begun = tag == "@data"
    if not begun:
        raise GatewiseError(f"{path} {NO_DATA.format('a .ts')}")


def timed_values(channels: list[str]) -> list[list[str]]:
    """The values of each channel at all times of a sequence, in order; "?" where a channel has none.

    Raises: `ValueError` if a channel is not written as `(time,value),(time,value)`, or has a time twice.

    >>> timed_values(["(0,1.5),(2,1.7)", "(2,4),(1,3)"])
    [['1.5', '?', '1.7'], ['?', '3', '4']]
    """
    found = []
    for number, channel in enumerate(channels, 1):
        pairs = TIMED.findall(channel)
        if not pairs or TIMED.sub("", channel).strip(", \t"):
            raise ValueError(f"channel {number} is not written as (time,value),(time,value)")
        values = {_time(time.strip(" '\"")): value.strip() for time, value in pairs}
        if len(values) < len(pairs):
            raise ValueError(f"channel {number} has a time twice")
        found.append(values)
    times = sorted(set().union(*found))
    return [[values.get(time, "?") for time in times] for values in found]


def _time(text: str) -> float:
    """A time as a number: a number, or a date and time in seconds."""
    try:
        time = float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        time = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not np.isfinite(time):
        raise ValueError(f"{text!r} is no time")
    return time

"""From an attribution to what a report shows of it, in the data's own units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gatewise.insight.attribution import Attributed
from gatewise.report.example import Explained, Strip, Track

POINTS, CLOSE = (64, 256, 1024), 0.01  # on the way from the baseline: more where the gap is a larger share
ROWS = 8  # channels of which each is shown
NAME = "came from"


def expanded(batch: Any, rows: int) -> Any:
    """A batch of one example, as one of so many."""
    return type(batch)(*(one.expand(rows, *one.shape[1:]) for one in batch))


def closely(attribution: Callable[[int], Attributed]) -> Attributed:
    """An attribution of one example, with as many points as bring its gap to a hundredth, if that can be."""
    for points in POINTS:
        found = attribution(points)
        if abs(float(found.gap)) <= CLOSE * abs(float(found.output - found.start)):
            break
    return found


def explained(
    found: Attributed, what: str, baseline: str, steps: np.ndarray, tracks: tuple[Track, ...],
    mean: float = 0.0, unit: float = 1.0,
) -> Explained:  # fmt: skip
    """An attribution in the data's own units: scaled ones times `unit`, plus `mean`; the tracks have them."""
    output, start, gap = (float(one) for one in (found.output, found.start, found.gap))
    return Explained(what, mean + unit * output, mean + unit * start, baseline, unit * gap, steps, tracks)


def by_channel(values: np.ndarray, names: Sequence[str]) -> Track:
    """A row for each channel of values [T, C]; where there are many, for those that gave most and the rest.

    >>> track = by_channel(np.array([[1.0, -5, 2, 0, 0, 0, 0, 0, 0, 0.5]]), "abcdefghij")
    >>> track.strip.names[:3], track.strip.names[-1], track.strip.values[:3, 0].tolist()
    (('a', 'b', 'c'), '3 others', [1.0, -5.0, 2.0])
    """
    rows = values.T
    if len(names) > ROWS:
        kept = np.sort(np.argsort(-np.nansum(np.abs(rows), axis=1), kind="stable")[: ROWS - 1]).tolist()
        others = np.delete(rows, kept, axis=0)
        rows = np.concatenate([rows[kept], np.nansum(others, axis=0, keepdims=True)])
        names = [*(names[one] for one in kept), f"{len(others)} others"]
    return Track(NAME, strip=Strip(rows, tuple(names)))


def coloured(track: Track, values: np.ndarray) -> Track:
    """A track of symbols, each on the colour of what it gave [T]."""
    return Track(
        track.name, symbols=track.symbols, layer=track.layer, strip=Strip(values[None], (track.name,))
    )

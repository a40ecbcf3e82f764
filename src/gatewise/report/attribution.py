"""Attributions of an example as a report shows them, in the units of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gatewise.insight.attribution import Attribution
from gatewise.report.example import ExampleAttribution, Strip, Track

POINTS, CLOSE = (64, 256, 1024), 0.01  # of the quadrature: more if the gap is a larger fraction
ROWS = 8  # channels that are shown separately
NAME = "attribution"


def repeat_example(batch: Any, rows: int) -> Any:
    """A batch of one example, repeated to a number of rows."""

    def repeated(field: Any) -> Any:
        if field is None:
            return None
        return (
            repeat_example(field, rows) if isinstance(field, tuple) else field.expand(rows, *field.shape[1:])
        )

    return type(batch)(*map(repeated, batch))


def accurate_attribution(attribution: Callable[[int], Attribution]) -> Attribution:
    """An attribution of one example, with enough points for a gap below one hundredth where possible."""
    for points in POINTS:
        found = attribution(points)
        if abs(float(found.gap)) <= CLOSE * abs(float(found.output - found.baseline_output)):
            break
    return found


def in_data_units(
    found: Attribution,
    output_name: str,
    baseline: str,
    steps: np.ndarray,
    tracks: tuple[Track, ...],
    mean: float = 0.0,
    unit: float = 1.0,
) -> ExampleAttribution:
    """An attribution in the units of the data: scaled values times `unit`, plus `mean`, as in the tracks."""
    output, reference, gap = (float(one) for one in (found.output, found.baseline_output, found.gap))
    return ExampleAttribution(
        output_name, mean + unit * output, mean + unit * reference, baseline, unit * gap, steps, tracks
    )


def channel_track(values: np.ndarray, names: Sequence[str]) -> Track:
    """A row for each channel of values [T, C]; of many channels the largest, and the sum of the others.

    >>> track = channel_track(np.array([[1.0, -5, 2, 0, 0, 0, 0, 0, 0, 0.5]]), "abcdefghij")
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


def symbol_track(track: Track, values: np.ndarray) -> Track:
    """A track of symbols, each on the colour of its contribution [T]."""
    return Track(
        track.name, symbols=track.symbols, layer=track.layer, strip=Strip(values[None], (track.name,))
    )

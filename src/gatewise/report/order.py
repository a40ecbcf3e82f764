"""Orders in which units are drawn: those that do alike together, or the longest memories first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from gatewise.data.text.alphabet import SIGNS
from gatewise.insight.signals import text_signals
from gatewise.insight.units import correlations
from gatewise.report.example import Track

AS_READ = {shown: read for read, shown in SIGNS.items()}
MOST_SYMBOLS, LEAST_OFTEN = 8, 2  # symbols that units may follow, and how often


def orders(
    hidden: np.ndarray, table: pl.DataFrame, followed: Mapping[str, np.ndarray]
) -> dict[str, list[int]]:
    """By the name of each order its units, the first one uppermost.

    hidden: [steps, H]; table: of `unit_table`; followed: signals, [steps] each
    """
    found = {}
    lives = [name for name in table.columns if name.endswith("_half_life")]
    if lives:
        found["half-life"] = _largest_first(table[lives[0]].to_numpy())
    found["activity"] = _largest_first(table["spread"].to_numpy())
    found["similarity"] = by_similarity(hidden)
    found |= {f"following {name}": by_following(hidden, signal) for name, signal in followed.items()}
    found["number"] = list(range(table.height))
    return found


def signals(tracks: Sequence[Track], steps: int) -> dict[str, np.ndarray]:
    """What units may follow, [steps] each: lines over all steps, what a text does, its most frequent symbols.

    >>> found = signals([Track("read", symbols=tuple("abacab"))], 6)
    >>> list(found), found["read a"].tolist()
    (['read a', 'read b'], [1.0, 0.0, 1.0, 0.0, 1.0, 0.0])
    """
    found = {}
    for track in tracks:
        for line in track.lines:
            if line.start == 0 and len(line.values) == steps:
                found[line.name if line.name == track.name else f"{track.name}, {line.name}"] = line.values
        if len(track.symbols) == steps:
            read = [AS_READ.get(one, one) for one in track.symbols]
            told = text_signals("".join(read)) if max(map(len, read)) == 1 else {}
            found |= {f"{track.name}, {name}": values for name, values in told.items()}
            often = [one for one in Counter(track.symbols).most_common(MOST_SYMBOLS) if one[1] >= LEAST_OFTEN]
            for symbol, _ in often:
                found[f"{track.name} {symbol}"] = np.array([one == symbol for one in track.symbols], float)
    return found


def by_following(values: np.ndarray, signal: np.ndarray) -> list[int]:
    """Units whose values go with a signal, or against it: the closest first, by Pearson's correlation.

    values: [steps, H]; signal: [steps]
    """
    values, signal = (np.nan_to_num(np.asarray(one, dtype=np.float64)) for one in (values, signal))
    return _largest_first(np.abs(correlations(values, signal)))


def by_similarity(values: np.ndarray) -> list[int]:
    """Units by the angle of their two main components, cut where the gap is widest (Friendly 2002).

    values: [steps, H]; units that never change come last

    >>> wave, other = np.sin(np.arange(9)), np.cos(np.arange(9))
    >>> order = by_similarity(np.stack([wave, other, 2 * wave + 1, 0 * wave], axis=1))
    >>> abs(order.index(0) - order.index(2)), order[-1]
    (1, 3)
    """
    values = np.nan_to_num(np.asarray(values, dtype=np.float64))
    centred = values - values.mean(0)
    spread = np.linalg.norm(centred, axis=0)
    rounding = 1e-9 * np.linalg.norm(values, axis=0)
    moving, still = np.flatnonzero(spread > rounding), np.flatnonzero(spread <= rounding)
    if len(moving) < 3 or len(values) < 3:
        return [*moving.tolist(), *still.tolist()]
    scaled = centred[:, moving] / spread[moving]
    _, vectors = np.linalg.eigh(scaled @ scaled.T if len(scaled) < len(moving) else scaled.T @ scaled)
    if len(scaled) < len(moving):
        vectors = scaled.T @ vectors
    first, second = vectors[:, -1], vectors[:, -2]
    angles = np.arctan2(second, first)
    around = np.argsort(angles, kind="stable")
    gaps = np.diff(angles[around], append=angles[around[0]] + 2 * np.pi)
    begin = (int(gaps.argmax()) + 1) % len(around)
    return [*moving[np.roll(around, -begin)].tolist(), *still.tolist()]


def _largest_first(values: np.ndarray) -> list[int]:
    return [int(one) for one in np.argsort(-np.nan_to_num(values, nan=-1.0), kind="stable")]

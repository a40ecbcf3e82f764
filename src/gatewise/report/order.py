"""Orders in which units are drawn: by half-life, activity, similarity, or correlation with a signal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from gatewise.data.tokenizers.streams import SIGNS
from gatewise.insight.signals import text_signals
from gatewise.insight.units import correlations
from gatewise.report.example import Track

AS_READ = {shown: read for read, shown in SIGNS.items()}
MOST_SYMBOLS, LEAST_COUNT = 8, 2  # symbols that are signals, and their least count


def orders(
    hidden: np.ndarray, table: pl.DataFrame, signals: Mapping[str, np.ndarray]
) -> dict[str, list[int]]:
    """The units in each order, by the name of the order; the first unit is drawn at the top.

    hidden: [steps, H]; table: of `unit_table`; signals: [steps] each
    """
    found = {}
    lives = [name for name in table.columns if name.endswith("_half_life")]
    if lives:
        found["half-life"] = _largest_first(table[lives[0]].to_numpy())
    found["activity"] = _largest_first(table["std"].to_numpy())
    found["similarity"] = by_similarity(hidden)
    found |= {f"correlation with {name}": by_correlation(hidden, signal) for name, signal in signals.items()}
    found["number"] = list(range(table.height))
    return found


def signals(tracks: Sequence[Track], steps: int) -> dict[str, np.ndarray]:
    """Signals of the tracks, [steps] each: lines over all steps, those of texts, the most frequent symbols.

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
            of_text = text_signals("".join(read)) if max(map(len, read)) == 1 else {}
            found |= {f"{track.name}, {name}": values for name, values in of_text.items()}
            counts = Counter(track.symbols).most_common(MOST_SYMBOLS)
            for symbol in (symbol for symbol, count in counts if count >= LEAST_COUNT):
                found[f"{track.name} {symbol}"] = np.array([one == symbol for one in track.symbols], float)
    return found


def by_correlation(values: np.ndarray, signal: np.ndarray) -> list[int]:
    """Units by the absolute value of Pearson's correlation with a signal, the largest first.

    values: [steps, H]; signal: [steps]
    """
    values, signal = (np.nan_to_num(np.asarray(one, dtype=np.float64)) for one in (values, signal))
    return _largest_first(np.abs(correlations(values, signal)))


def by_similarity(values: np.ndarray) -> list[int]:
    """Units by the angle of their first two principal components, cut at the widest gap (Friendly 2002).

    values: [steps, H]; constant units come last

    >>> wave, other = np.sin(np.arange(9)), np.cos(np.arange(9))
    >>> order = by_similarity(np.stack([wave, other, 2 * wave + 1, 0 * wave], axis=1))
    >>> abs(order.index(0) - order.index(2)), order[-1]
    (1, 3)
    """
    values = np.nan_to_num(np.asarray(values, dtype=np.float64))
    centred = values - values.mean(0)
    norms = np.linalg.norm(centred, axis=0)
    rounding = 1e-9 * np.linalg.norm(values, axis=0)
    moving, constant = np.flatnonzero(norms > rounding), np.flatnonzero(norms <= rounding)
    if len(moving) < 3 or len(values) < 3:
        return [*moving.tolist(), *constant.tolist()]
    scaled = centred[:, moving] / norms[moving]
    _, vectors = np.linalg.eigh(scaled @ scaled.T if len(scaled) < len(moving) else scaled.T @ scaled)
    if len(scaled) < len(moving):
        vectors = scaled.T @ vectors
    first, second = vectors[:, -1], vectors[:, -2]
    angles = np.arctan2(second, first)
    order = np.argsort(angles, kind="stable")
    gaps = np.diff(angles[order], append=angles[order[0]] + 2 * np.pi)
    first_index = (int(gaps.argmax()) + 1) % len(order)
    return [*moving[np.roll(order, -first_index)].tolist(), *constant.tolist()]


def _largest_first(values: np.ndarray) -> list[int]:
    return [int(one) for one in np.argsort(-np.nan_to_num(values, nan=-1.0), kind="stable")]

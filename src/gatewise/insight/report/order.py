"""Orders in which units are drawn: those that do alike together, or the longest memories first."""

from __future__ import annotations

import numpy as np
import polars as pl


def orders(hidden: np.ndarray, table: pl.DataFrame) -> dict[str, list[int]]:
    """By the name of each order its units, the first one uppermost.

    hidden: [steps, H]; table: of `unit_table`
    """
    found = {}
    lives = [name for name in table.columns if name.endswith("_half_life")]
    if lives:
        found["half-life"] = _largest_first(table[lives[0]].to_numpy())
    found["activity"] = _largest_first(table["spread"].to_numpy())
    found["similarity"] = by_similarity(hidden)
    found["number"] = list(range(table.height))
    return found


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
    moving = np.flatnonzero(spread > 1e-9)
    still = np.flatnonzero(spread <= 1e-9)
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

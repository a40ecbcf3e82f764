"""Levels of quantiles: which ones, the median, and the pairs that bound an interval."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose

from gatewise.errors import GatewiseError

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MEDIAN_LEVEL = 0.5
TOLERANCE = 1e-9  # 1 - 0.9 is not 0.1


def complete_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """The levels in ascending order, each once, with that of the median.

    >>> complete_levels([0.95, 0.05, 0.95])
    (0.05, 0.5, 0.95)
    """
    return tuple(sorted({*levels, MEDIAN_LEVEL}))


def require_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """The levels of a model.

    Raises: `GatewiseError` if they are not ascending numbers between 0 and 1, with 0.5.
    """
    if tuple(levels) != complete_levels(levels) or not all(0 < level < 1 for level in levels):
        raise GatewiseError(f"expected ascending levels between 0 and 1, with 0.5, got {list(levels)}")
    return tuple(levels)


def median_index(levels: Sequence[float]) -> int:
    """The place of the median.

    >>> median_index([0.05, 0.5, 0.95])
    1
    """
    return tuple(levels).index(MEDIAN_LEVEL)


def symmetric_pairs(levels: Sequence[float]) -> list[tuple[int, int]]:
    """The places of the levels p and 1 - p that bound an interval around the median, the widest first.

    >>> symmetric_pairs([0.05, 0.2, 0.5, 0.95])
    [(0, 3)]
    """
    return [
        (low, high)
        for low in range(median_index(levels))
        for high in range(len(levels) - 1, low, -1)
        if isclose(levels[low] + levels[high], 1, abs_tol=TOLERANCE)
    ]


def interval_title(levels: Sequence[float]) -> str | None:
    """The nominal coverage of the widest symmetric interval in percent; None if there is none.

    >>> interval_title([0.025, 0.5, 0.975]), interval_title([0.5, 0.9])
    ('95%', None)
    """
    pairs = symmetric_pairs(levels)
    if not pairs:
        return None
    low, high = pairs[0]
    return f"{100 * (levels[high] - levels[low]):.4g}%"

"""How texts that were told are scored against true ones: the metrics, and their values by length."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gatewise.tasks.base import Details, Metric

METRICS = (
    Metric("bleu", "BLEU", ".1f", higher=True, relative=False),
    Metric("chrf", "chrF", ".1f", higher=True, relative=False),
    Metric("exact", "exact", ".1%", higher=True),
)
GROUPS = 4  # by length


def by_length(
    lengths: Sequence[int] | np.ndarray,
    scored: Callable[[list[int]], Mapping[str, float]],
    title: str,
    counted: str,
) -> Details:
    """The scores of short and long ones, about as many of each.

    lengths: in symbols, of each; scored: the metrics of those at some places; counted: what they are

    >>> scores = {"bleu": 10.0, "chrf": 20.0, "exact": 0.5}
    >>> by_length([2, 2, 5, 9, 9], lambda places: scores, "by length", "pairs").rows
    (('2 to 5', '3', '10.0', '20.0', '50.0%'), ('6 to 9', '2', '10.0', '20.0', '50.0%'))
    """
    lengths = np.asarray(lengths)
    borders = np.unique(np.quantile(lengths, np.linspace(0, 1, GROUPS + 1), method="nearest"))
    borders = borders if len(borders) > 1 else borders.repeat(2)
    rows = []
    for first, last in zip(borders[:-1] + (borders[:-1] > borders[0]), borders[1:], strict=True):
        chosen = np.flatnonzero((lengths >= first) & (lengths <= last)).tolist()
        found = scored(chosen)
        scores = (metric.said(found[metric.name]) for metric in METRICS)
        rows.append((f"{first} to {last}" if first < last else str(first), str(len(chosen)), *scores))
    titles = (metric.title for metric in METRICS)
    return Details(title, ("symbols", counted, *titles), tuple(rows))

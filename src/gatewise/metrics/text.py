"""Metrics of generated texts against references: BLEU, chrF and exact matches, in total and by length."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric


def score(predicted: Sequence[str], truth: Sequence[str]) -> dict[str, float]:
    """BLEU (Papineni et al. 2002), chrF (Popovic 2015), 0 to 100, and the fraction of exact matches.

    Computed by sacrebleu (Post 2018) with its defaults, except: if most references have no space, BLEU counts
    characters instead of words; if all references are shorter than its longest n-gram, it uses shorter ones.

    >>> score(["a b c d e", "x"], ["a b c d e", "y"])["exact"]
    0.5
    """
    sacrebleu = import_sacrebleu()
    spaced = 2 * sum(" " in text for text in truth) >= len(truth)
    short = max(len(text.split()) if spaced else len(text) for text in truth) < 4
    bleu = sacrebleu.metrics.BLEU(tokenize="13a" if spaced else "char", effective_order=short, force=True)
    chrf = sacrebleu.metrics.CHRF()
    return {
        "bleu": float(bleu.corpus_score(list(predicted), [list(truth)]).score),
        "chrf": float(chrf.corpus_score(list(predicted), [list(truth)]).score),
        "exact": sum(text == true for text, true in zip(predicted, truth, strict=True)) / len(truth),
    }


def import_sacrebleu() -> Any:
    """Imports sacrebleu. Raises: `GatewiseError` if it is not installed."""
    try:
        import sacrebleu
    except ImportError as error:
        raise GatewiseError(
            "translations are scored by sacrebleu, which is not installed: pip install 'gatewise[text]'"
        ) from error
    return sacrebleu


METRICS = (
    Metric("bleu", "BLEU", ".1f", higher_is_better=True, relative=False),
    Metric("chrf", "chrF", ".1f", higher_is_better=True, relative=False),
    Metric("exact", "exact", ".1%", higher_is_better=True),
)


GROUPS = 4  # by length


def by_length(
    lengths: Sequence[int] | np.ndarray,
    score_examples: Callable[[list[int]], Mapping[str, float]],
    title: str,
    unit: str,
) -> Details:
    """A table of scores by length, in groups of about equal size.

    Args:
        lengths: the length of each example, in symbols
        score_examples: computes the metrics of the examples of these numbers
        title: the title of the table
        unit: a plural noun for the examples, the heading of their counts

    >>> scores = {"bleu": 10.0, "chrf": 20.0, "exact": 0.5}
    >>> by_length([2, 2, 5, 9, 9], lambda numbers: scores, "by length", "pairs").rows
    (('2 to 5', '3', '10.0', '20.0', '50.0%'), ('6 to 9', '2', '10.0', '20.0', '50.0%'))
    """
    lengths = np.asarray(lengths)
    borders = np.unique(np.quantile(lengths, np.linspace(0, 1, GROUPS + 1), method="nearest"))
    borders = borders if len(borders) > 1 else borders.repeat(2)
    rows = []
    for first, last in zip(borders[:-1] + (borders[:-1] > borders[0]), borders[1:], strict=True):
        chosen = np.flatnonzero((lengths >= first) & (lengths <= last)).tolist()
        values = score_examples(chosen)
        scores = (metric.format(values[metric.name]) for metric in METRICS)
        rows.append((f"{first} to {last}" if first < last else str(first), str(len(chosen)), *scores))
    titles = (metric.title for metric in METRICS)
    return Details(title, ("symbols", unit, *titles), tuple(rows))

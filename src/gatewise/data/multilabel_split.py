"""Splits of examples with any number of labels, in which every set has its fraction of every label.

The same arguments always give the same split, as in `splits`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from gatewise.data.splits import TITLES, Fractions, Split, group_numbers
from gatewise.errors import GatewiseError


def multilabel_split(
    indicators: np.ndarray, fractions: Fractions, groups: Sequence[Hashable] | None = None, seed: int = 0
) -> Split:
    """Draws the same fractions of every label by iterative stratification, so that rare labels are learned.

    The examples of the label that is left in the fewest examples are drawn first. Each goes to the set that
    lacks most of that label, and of those that lack as many to the one that lacks most examples. Examples
    without labels come last.

    Args:
        indicators: [N, L], 1 where an example has a label, else 0
        fractions: of the examples of each label, which are kept as well as possible
        groups: [N], of which none is in two sets; None if each example is its own
        seed: of the random order

    Raises: `GatewiseError` if a set is left without examples.

    Source: Sechidis, Tsoumakas and Vlahavas 2011.

    >>> indicators = np.array([[1, 0], [1, 0], [1, 1], [0, 1], [0, 1], [0, 0]])
    >>> multilabel_split(indicators, Fractions(0.3, 0.3))
    Split(train=[2, 5], validation=[1, 3], test=[0, 4])
    """
    wanted = [1 - fractions.validation - fractions.test, fractions.validation, fractions.test]
    sets, units = _distribute(indicators, groups, wanted, seed)
    split = Split(*(np.flatnonzero(sets == number).tolist() for number in range(3)))
    for own, title, fraction in zip(
        split, TITLES.values(), (1.0, fractions.validation, fractions.test), strict=True
    ):
        if fraction and not own:
            unit = "examples" if groups is None else "groups"
            raise GatewiseError(f"{units} {unit} leave none for the {title} set; give more {unit}")
    return split


def multilabel_folds(
    indicators: np.ndarray, count: int, groups: Sequence[Hashable] | None = None, seed: int = 0
) -> np.ndarray:
    """[N]: the number of the fold of each example; each fold has the same fraction of every label.

    The arguments are those of `multilabel_split`, and the number of folds.

    Raises: `GatewiseError` if a fold is left without examples.

    >>> multilabel_folds(np.array([[1, 0], [1, 0], [1, 1], [0, 1], [0, 1], [0, 0]]), 2)
    array([0, 1, 1, 0, 0, 1])
    """
    folds, units = _distribute(indicators, groups, [1 / count] * count, seed)
    if len(np.unique(folds)) < count:
        unit = "examples" if groups is None else "groups"
        raise GatewiseError(f"{units} {unit} leave none for one of {count} folds")
    return folds


def _distribute(
    indicators: np.ndarray, groups: Sequence[Hashable] | None, fractions: Sequence[float], seed: int
) -> tuple[np.ndarray, int]:
    """[N]: the number of the set of each example; and the number of groups.

    fractions: [S], of the sets
    """
    members = np.arange(len(indicators)) if groups is None else group_numbers(groups)
    counts = np.zeros((int(members.max(initial=-1)) + 1, indicators.shape[1]))
    np.add.at(counts, members, indicators)
    sizes, random, wanted = np.bincount(members), np.random.default_rng(seed), np.array(fractions)
    lacking, lacking_examples = wanted[:, None] * counts.sum(0), wanted * sizes.sum()
    sets, left = np.full(len(counts), -1), counts.sum(0)
    order = random.permutation(len(counts))
    while left.any():
        rarest = int(np.where(left > 0, left, np.inf).argmin())
        for group in order[(counts[order, rarest] > 0) & (sets[order] < 0)]:
            ranked = np.lexsort(
                (random.random(len(wanted)), lacking_examples, lacking[:, rarest], wanted > 0)
            )
            sets[group] = ranked[-1]
            lacking[ranked[-1]] -= counts[group]
            lacking_examples[ranked[-1]] -= sizes[group]
            left -= counts[group]
    for group in order[sets[order] < 0]:
        sets[group] = np.where(wanted > 0, lacking_examples, -np.inf).argmax()
        lacking_examples[sets[group]] -= sizes[group]
    return sets[members], len(counts)

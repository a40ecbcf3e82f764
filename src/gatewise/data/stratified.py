"""Splits of labelled examples in which every set has its fraction of every class.

The same arguments always give the same split, as in `splits`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from gatewise.data.splits import TITLES, Fractions, Split
from gatewise.errors import GatewiseError

ONE_CLASS = "all examples are of one class; expected two or more classes"
TIE = 1e-3  # how much examples of other classes count where two sets lack as many of a class


def stratified_split(labels: ArrayLike, fractions: Fractions, seed: int = 0) -> Split:
    """Draws the same fractions of every class at random.

    Raises: `GatewiseError` if there is only one class, or too few examples for all sets.

    >>> stratified_split([0] * 4 + [1] * 4, Fractions(0.25, 0.25))
    Split(train=[0, 2, 6, 7], validation=[1, 5], test=[3, 4])
    """
    given = np.asarray(labels)
    classes = np.unique(given)
    if len(classes) < 2:
        raise GatewiseError(ONE_CLASS)
    random = np.random.default_rng(seed)
    split = Split([], [], [])
    for one in classes:
        own = random.permutation(np.flatnonzero(given == one))
        test, validation = (_class_size(len(own), one) for one in (fractions.test, fractions.validation))
        train = len(own) - test - validation
        for numbers, drawn in zip(split, np.split(own, [train, train + validation]), strict=True):
            numbers.extend(drawn.tolist())
    for numbers, title, fraction in zip(
        split, TITLES.values(), (1.0, fractions.validation, fractions.test), strict=True
    ):
        if fraction and not numbers:
            raise GatewiseError(
                f"{len(given)} examples of {len(classes)} classes leave none for the {title} set; "
                "give more examples"
            )
    return Split(*map(sorted, split))


def _class_size(count: int, fraction: float) -> int:
    """At least one example if the class has three, and at most a third of them."""
    return min(max(round(count * fraction), 1 if fraction and count > 2 else 0), count // 3)


def stratified_group_split(
    labels: ArrayLike, groups: Sequence[Hashable], fractions: Fractions, seed: int = 0
) -> Split:
    """Draws groups of examples so that no group is in two sets, and each set has its fraction of every class.

    Args:
        labels: [N], the class of each example
        groups: [N], the group of each example
        fractions: of the examples of each class, which are kept as well as the groups allow
        seed: of the random order

    Raises: `GatewiseError` if there is only one class, or fewer groups than sets.

    >>> stratified_group_split([0, 1, 0, 1, 0, 1], ["a", "a", "b", "b", "c", "c"], Fractions(0.3, 0.3))
    Split(train=[4, 5], validation=[0, 1], test=[2, 3])
    """
    wanted = [1 - fractions.validation - fractions.test, fractions.validation, fractions.test]
    sets = _distribute(labels, groups, wanted, "set", seed)
    return Split(*(np.flatnonzero(sets == number).tolist() for number in range(3)))


def stratified_folds(
    labels: ArrayLike, count: int, groups: Sequence[Hashable] | None = None, seed: int = 0
) -> np.ndarray:
    """[N]: the number of the fold of each example; each fold has the same fraction of every class.

    Args:
        labels: [N], the class of each example
        count: the number of folds
        groups: [N], of which none is in two folds; None if each example is its own
        seed: of the random order

    Raises: `GatewiseError` if there is only one class, or fewer examples or groups than folds.

    >>> stratified_folds([0, 0, 0, 0, 1, 1], 2)
    array([0, 1, 1, 0, 1, 0])
    """
    examples: Sequence[Hashable] = range(len(np.asarray(labels)))
    return _distribute(labels, examples if groups is None else groups, [1 / count] * count, "fold", seed)


def _distribute(
    labels: ArrayLike, groups: Sequence[Hashable], wanted: list[float], title: str, seed: int
) -> np.ndarray:
    """[N]: the number of the set of each example; no group is in two sets.

    The groups, the largest first and otherwise in random order, go where most examples of their classes are
    missing.

    wanted: the fraction of each set; 0 leaves it empty
    """
    names, classes = np.unique(np.asarray(labels), return_inverse=True)
    if len(names) < 2:
        raise GatewiseError(ONE_CLASS)
    numbers: dict[Hashable, int] = {}
    members = np.array([numbers.setdefault(group, len(numbers)) for group in groups], np.int64)
    empty = np.array(wanted) > 0
    if len(numbers) < empty.sum():
        unit = "examples" if len(numbers) == len(members) else "groups"
        raise GatewiseError(
            f"expected at least {empty.sum()} {unit}, one for each {title}, got {len(numbers)}"
        )
    counts = np.zeros((len(numbers), len(names)))
    np.add.at(counts, (members, classes), 1)
    missing = np.array(wanted)[:, None] * counts.sum(0)  # [sets, K]
    order = np.random.default_rng(seed).permutation(len(numbers))
    order = order[np.argsort(-counts[order].sum(1), kind="stable")]
    sets, used = np.zeros(len(numbers), np.int64), empty.copy()
    for place, group in enumerate(order):
        allowed = empty if len(order) - place <= empty.sum() else used
        gain = missing @ (counts[group] / counts[group].sum() + TIE / len(names))
        chosen = int(np.where(allowed, gain, -np.inf).argmax())
        sets[group], empty[chosen] = chosen, False
        missing[chosen] -= counts[group]
    return sets[members]

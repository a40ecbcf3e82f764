"""Splits of examples into a training, a validation and a test set.

The same arguments always give the same split: a saved model finds its test set by splitting its data again.
A set without examples is empty, as is the training set of data on which a model is only evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from gatewise.errors import GatewiseError

TITLES = {"train": "training", "validation": "validation", "test": "test"}  # of the sets, for messages
NAMES = {  # of the sets in the names of files and folders, and in cells of tables
    "train": "train",
    "training": "train",
    "restval": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "devel": "validation",
    "testa": "validation",
    "test": "test",
    "testb": "test",
}


class Split(NamedTuple):
    """The numbers of the examples of each set, in ascending order."""

    train: list[int]
    validation: list[int]
    test: list[int]


@dataclass(frozen=True)
class Fractions:
    """The fractions of the validation and the test set; 0 leaves a set empty."""

    validation: float
    test: float


def random_split(
    count: int,
    fractions: Fractions,
    place: object,
    examples: str,
    *,
    minimum: int | None = None,
    limit: int | None = None,
    held_out_first: bool = False,
    seed: int = 0,
) -> Split:
    """Draws the sets at random; each set with a fraction has one example at least, as has the training set.

    Args:
        place: the data, for messages
        examples: what they are called, in the plural
        minimum: the fewest examples that are accepted; None for one in each set
        limit: the most examples of the validation set, and of the test set
        held_out_first: whether the random order begins with the validation and the test set rather than with
            the training set; saved models rely on the order of their task

    Raises: `GatewiseError` if there are fewer examples than `minimum`.

    >>> random_split(5, Fractions(0.2, 0.2), "x.csv", "sequences")
    Split(train=[2, 3, 4], validation=[0], test=[1])
    """
    needed = 1 + (fractions.validation > 0) + (fractions.test > 0) if minimum is None else minimum
    if count < needed:
        raise GatewiseError(
            f"{place}: expected at least {needed} {examples} to split into a training, a validation and a "
            f"test set, got {count}"
        )
    validation, test = (_size(count, one, limit) for one in (fractions.validation, fractions.test))
    train = max(count - validation - test, 1)
    validation = min(validation, count - train - (test > 0))
    test = count - train - validation
    order = np.random.default_rng(seed).permutation(count)
    sizes = (validation, test) if held_out_first else (train, validation)
    first, second, third = (np.sort(one).tolist() for one in np.split(order, np.cumsum(sizes)))
    return Split(third, first, second) if held_out_first else Split(first, second, third)


def _size(count: int, fraction: float, limit: int | None) -> int:
    size = max(round(fraction * count), 1) if fraction else 0
    return size if limit is None else min(size, limit)


def group_numbers(keys: Iterable[Hashable]) -> np.ndarray:
    """[N]: the number of each key's group, in the order in which keys occur first.

    >>> group_numbers(["b", "a", "b"]).tolist()
    [0, 1, 0]
    """
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def group_split(
    keys: Sequence[Hashable],
    fractions: Fractions,
    place: object,
    groups: str,
    *,
    minimum: int | None = None,
    limit: int | None = None,
) -> Split:
    """Draws groups of examples with equal keys at random, so that no group is in two sets.

    groups: what they are called, in the plural; other arguments as in `random_split`, counted in groups

    Raises: `GatewiseError` if there are fewer groups than `minimum`.

    >>> group_split(["a", "b", "a", "c"], Fractions(0.3, 0.3), "x.csv", "sources")
    Split(train=[1], validation=[3], test=[0, 2])
    """
    members = group_numbers(keys)
    drawn = random_split(
        int(members.max(initial=-1)) + 1,
        fractions,
        place,
        groups,
        minimum=minimum,
        limit=limit,
        held_out_first=True,
    )
    train, validation, test = (np.flatnonzero(np.isin(members, one)).tolist() for one in drawn)
    return Split(train, validation, test)


def named_split(names: Sequence[str]) -> Split:
    """The sets by the name of each example's set; "" counts as the training set.

    >>> named_split(["test", "", "train"])
    Split(train=[1, 2], validation=[], test=[0])
    """
    return Split(*([place for place, one in enumerate(names) if (one or "train") == name] for name in TITLES))


def complete_split(
    split: Split, fractions: Fractions, draw: Callable[[list[int], Fractions], Split]
) -> Split:
    """The split, with an empty validation or test set drawn from the training set.

    draw: splits examples, by the numbers of the training set; a fraction of 0 draws no set

    >>> complete_split(
    ...     named_split(["test", "", "", ""]), Fractions(0.3, 0.3),
    ...     lambda train, fractions: random_split(len(train), fractions, "x.csv", "images"),
    ... )
    Split(train=[1, 3], validation=[2], test=[0])
    """
    missing = Fractions(
        0.0 if split.validation else fractions.validation, 0.0 if split.test else fractions.test
    )
    train, validation, test = (
        [split.train[number] for number in drawn] for drawn in draw(split.train, missing)
    )
    return Split(train, split.validation or validation, split.test or test)


@lru_cache(maxsize=1 << 12)  # many short series have few lengths
def time_split(
    steps: int, fractions: Fractions, minimum: int = 1, maximum: int | None = None
) -> tuple[int, int]:
    """The first steps of the validation set and of the test set of one series.

    minimum, maximum: the fewest and the most steps of each that is not empty

    >>> time_split(100, Fractions(0.1, 0.2)), time_split(100, Fractions(0.1, 0.2), minimum=30)
    ((70, 80), (40, 70))
    >>> time_split(100, Fractions(0, 0), minimum=30)
    (100, 100)
    """

    def size(fraction: float) -> int:
        held_out = round(steps * fraction)
        return max(held_out if maximum is None else min(held_out, maximum), minimum) if fraction else 0

    validation, test = size(fractions.validation), size(fractions.test)
    return steps - test - validation, steps - test


def time_ranges(sizes: np.ndarray, fractions: Fractions) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each set the first step of each of many sequences, and the step after the last one.

    sizes: [N], the steps of each sequence

    >>> ranges = time_ranges(np.array([10, 20]), Fractions(0.1, 0.2))
    >>> [(first.tolist(), end.tolist()) for first, end in ranges]
    [([0, 0], [7, 14]), ([7, 14], [8, 16]), ([8, 16], [10, 20])]
    """
    ends = np.cumsum([1 - (fractions.validation + fractions.test), fractions.validation, fractions.test])
    borders = [np.zeros_like(sizes), *(np.rint(sizes * end).astype(int) for end in ends)]
    return list(pairwise(borders))


def set_in(text: str) -> str | None:
    """The set that a name of a file contains as a word.

    >>> set_in("en_ewt-ud-dev.conllu"), set_in("eng.testb"), set_in("test.csv"), set_in("contest.txt")
    ('validation', 'test', 'test', None)
    """
    words = re.findall(r"[a-z]+", text.lower())
    return next((NAMES[word] for word in words if word in NAMES), None)


def set_named(cell: str | None, place: str) -> str:
    """The set that a cell of a table names. Raises: `GatewiseError` if it names none."""
    name = (cell or "").strip().lower()
    if name not in NAMES:
        raise GatewiseError(f"{place}: expected train, validation or test as the name of a set, got {cell!r}")
    return NAMES[name]

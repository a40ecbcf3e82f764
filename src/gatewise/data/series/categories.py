"""Categories of a covariate, learned from the training set, as inputs of 0 and 1."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gatewise.data.tables.numbers import WHOLE_WITH_DECIMALS
from gatewise.errors import GatewiseError

BOOLEANS = (("false", "true"), ("no", "yes"), ("n", "y"), ("off", "on"))
MAX_CATEGORIES = 20


@dataclass(frozen=True)
class Categories:
    """The categories of a covariate in the training set, each of which is an input of 0 or 1."""

    categories: tuple[str, ...]

    def places(self, names: Iterable[str]) -> list[int]:
        """The place of each name among the categories, -1 if it is new.

        Where all categories are numbers, 1 and 1.0 are the same; of two Booleans, true, yes and 1 are.

        >>> Categories(("1", "2")).places(["2.0", "1", "3"]), Categories(("1", "b")).places(["1.0"])
        ([1, 0, -1], [-1])
        """
        places = {name: place for place, name in enumerate(self.categories)}
        if {truth(name) for name in self.categories if name} == {False, True}:
            by_truth = {truth(name): place for name, place in places.items() if name}
            return [places.get(name, by_truth.get(truth(name), -1)) for name in names]
        if not are_numbers(self.categories):
            return [places.get(name, -1) for name in names]
        whole = {without_decimals(name): place for name, place in places.items()}
        return [places.get(name, whole.get(without_decimals(name), -1)) for name in names]

    def apply(self, codes: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """[T, K] for codes [T]; zeros where the code is 0 or its name is new, NaN where the code is.

        >>> Categories(("a", "b")).apply(np.array([2.0, 0.0, 1.0]), ("b", "c")).tolist()
        [[0.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
        """
        place_of = np.array([-1, *self.places(names)])
        inputs = place_of[np.nan_to_num(codes).astype(int), None] == np.arange(len(self.categories))
        return np.where(np.isnan(codes)[:, None], np.nan, inputs)

    def indicators(self, names: Sequence[str]) -> np.ndarray:
        """[N, K + 1]: 1 at the place of each name, at the last one if it is new.

        >>> Categories(("a", "b")).indicators(["b", "c"]).tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
        """
        return np.eye(len(self.categories) + 1)[self.places(names)]

    def new(self, names: Iterable[str]) -> list[str]:
        """Those of the names that are not among the categories, sorted."""
        found = sorted(set(names))
        return [name for name, place in zip(found, self.places(found), strict=True) if place < 0]


def truth(name: str) -> bool | None:
    """Whether a word, or 0 or 1, is true; None for any other name.

    >>> truth("Yes"), truth("0"), truth("maybe")
    (True, False, None)
    """
    word = without_decimals(name.lower())
    return next((bool(pair.index(word)) for pair in (*BOOLEANS, ("0", "1")) if word in pair), None)


def are_numbers(names: Iterable[str]) -> bool:
    """Whether all names that are not empty are numbers."""
    return all(re.fullmatch(r"[-+]?\d+(\.\d*)?", name) for name in names if name)


def without_decimals(name: str) -> str:
    """A whole number without its decimals; any other name as it is.

    >>> without_decimals("1.0"), without_decimals("1.5"), without_decimals("a.0")
    ('1', '1.5', 'a.0')
    """
    return re.sub(WHOLE_WITH_DECIMALS, r"\1", name)


def learn_categories(codes: np.ndarray, names: Sequence[str], column: str) -> Categories:
    """The categories that occur in a training set. Raises: `GatewiseError` if they are too many.

    >>> learn_categories(np.array([2.0, 0.0, 2.0]), ("a", "b"), "holiday")
    Categories(categories=('b',))
    """
    found = [int(code) for code in np.unique(codes) if code > 0]
    require_few(found, column, MAX_CATEGORIES)
    return Categories(tuple(names[code - 1] for code in found))


def require_few(categories: Sequence[object], column: str, limit: int) -> None:
    """Raises: `GatewiseError` if a column has more categories than the limit."""
    if len(categories) > limit:
        raise GatewiseError(
            f"column {column!r} has {len(categories):,} categories in the training set, and at most "
            f"{limit:,} are read: join rare ones, or leave out the column"
        )

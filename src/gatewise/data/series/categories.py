"""Categories of a covariate, learned from the training set, as inputs of 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatewise.errors import GatewiseError

MAX_CATEGORIES = 20


@dataclass(frozen=True)
class Categories:
    """The categories of a covariate in the training set, each of which is an input of 0 or 1."""

    categories: tuple[str, ...]

    def apply(self, codes: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """[T, K] for codes [T]; zeros where the code is 0 or its name is new, NaN where the code is.

        >>> Categories(("a", "b")).apply(np.array([2.0, 0.0, 1.0]), ("b", "c")).tolist()
        [[0.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
        """
        places = {name: place for place, name in enumerate(self.categories)}
        place_of = np.array([-1, *(places.get(name, -1) for name in names)])
        inputs = place_of[np.nan_to_num(codes).astype(int), None] == np.arange(len(self.categories))
        return np.where(np.isnan(codes)[:, None], np.nan, inputs)


def learn_categories(codes: np.ndarray, names: Sequence[str], column: str) -> Categories:
    """The categories that occur in a training set. Raises: `GatewiseError` if they are too many.

    >>> learn_categories(np.array([2.0, 0.0, 2.0]), ("a", "b"), "holiday")
    Categories(categories=('b',))
    """
    found = [int(code) for code in np.unique(codes) if code > 0]
    if len(found) > MAX_CATEGORIES:
        raise GatewiseError(
            f"column {column!r} has {len(found):,} categories in the training set, and at most "
            f"{MAX_CATEGORIES} are read: join rare ones, or leave out the column"
        )
    return Categories(tuple(names[code - 1] for code in found))

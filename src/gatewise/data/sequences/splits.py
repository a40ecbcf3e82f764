"""Parts to train on, to validate and to test, drawn so that every class is in each by its share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gatewise.errors import GatewiseError

Parts = tuple[list[int], list[int], list[int]]


def split_by_class(labels: ArrayLike, validation_share: float, test_share: float, seed: int = 0) -> Parts:
    """The numbers of the examples to train on, to validate and to test; the same for the same seed.

    >>> train, validation, test = split_by_class([0] * 8 + [1] * 4, 0.25, 0.25)
    >>> len(train), len(validation), len(test)
    (6, 3, 3)

    Raises: `GatewiseError` if there is one class only, or too few examples for three parts.
    """
    given = np.asarray(labels)
    classes = np.unique(given)
    if len(classes) < 2:
        raise GatewiseError("all examples are of one class: there is nothing to tell apart")
    random = np.random.default_rng(seed)
    parts: Parts = ([], [], [])
    for one in classes:
        own = random.permutation(np.flatnonzero(given == one))
        test, validation = (_share(len(own), share) for share in (test_share, validation_share))
        cut = len(own) - test - validation
        for part, numbers in zip(parts, np.split(own, [cut, cut + validation]), strict=True):
            part.extend(numbers.tolist())
    for name, part, share in zip(
        ("train on", "validate", "test"), parts, (1.0, validation_share, test_share), strict=True
    ):
        if share and not part:
            raise GatewiseError(
                f"{len(given)} examples of {len(classes)} classes leave none to {name}; give more examples"
            )
    return tuple(sorted(part) for part in parts)  # type: ignore[return-value]


def _share(count: int, share: float) -> int:
    """At least one where a class has examples enough, and always most of them to train on."""
    return min(max(round(count * share), 1 if share and count > 2 else 0), count // 3)

"""The comparison of an exported model with the model in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.errors import GatewiseError
from gatewise.shipping.deployed import Deployed

SIZES = ((3, 12), (1, 1), (5, 37))  # rows and steps; the first are those of the example of an export


def example_sizes() -> list[dict[str, int]]:
    """The sizes of the named axes in the checks."""
    return [{"batch": rows, "time": steps} for rows, steps in SIZES]


def largest_difference(deployed: Deployed, given: dict[str, Tensor], found: Sequence[Any]) -> float:
    """The largest difference of a result, relative to the largest number; NaN and infinity are alike."""
    with torch.no_grad():
        expected = deployed(**given)
    return max(_difference(one.numpy(), own) for one, own in zip(expected, found, strict=True))


def require_numbers(deployed: Deployed, given: dict[str, Tensor]) -> None:
    """Raises: `GatewiseError` if the model itself has no finite number in a result for plausible values."""
    with torch.no_grad():
        results = deployed(**given)
    for field, result in zip(deployed.results, results, strict=True):
        if result.is_floating_point() and not result.isfinite().any():
            raise GatewiseError(
                f"the exported form of the model finds no finite {field.name!r} for values like those it was "
                "trained on, so that there is nothing to compare; nothing was written"
            )


def require_close(error: float, tolerance: float) -> None:
    """Raises: `GatewiseError` if results differ too much."""
    if not error <= tolerance:
        raise GatewiseError(
            f"the results of the exported file differ from those of the model by {error:.1e} of the largest "
            f"one, more than {tolerance:g}; nothing was written"
        )


def _difference(expected: np.ndarray, found: Any) -> float:
    if expected.shape != found.shape:
        return float("inf")
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], found[~finite], equal_nan=True):
        return float("inf")
    both = expected[finite].astype(float), found[finite].astype(float)
    largest = np.abs(both[0]).max(initial=0.0)
    return float(np.abs(both[0] - both[1]).max(initial=0.0) / (largest or 1.0))

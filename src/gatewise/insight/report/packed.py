"""Many numbers in few bytes: whole multiples of a power of ten, which show just the digits that they hold."""

from __future__ import annotations

import math
from base64 import b64encode
from dataclasses import dataclass

import numpy as np

LARGEST = 32_000  # of 16 bits, some room left for what is no number
NO_NUMBER = -32_768
DECIMALS = 4  # shown at most, but of values that are all small


@dataclass(frozen=True)
class Packed:
    """Values as 16-bit numbers, `value = number / 10**decimals`, row by row, little-endian, in base64.

    top: the largest absolute value
    """

    decimals: int
    top: float
    data: str


def packed(values: np.ndarray) -> Packed:
    """Each value is kept to `decimals` places: what is shown of it is what `format` gives.

    >>> packed(np.array([0.123456, -1.5])).decimals
    4
    """
    values = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(values)
    top = float(np.abs(values[finite]).max()) if finite.any() else 0.0
    decimals = math.floor(math.log10(LARGEST / top)) if top > 0 else DECIMALS
    if top >= 0.1:
        decimals = min(decimals, DECIMALS)
    whole = np.rint(np.where(finite, values, 0.0) * 10.0**decimals)
    numbers = np.where(finite, whole, NO_NUMBER).astype("<i2")
    return Packed(decimals, top, b64encode(numbers.tobytes()).decode())

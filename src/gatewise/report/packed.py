"""Compact arrays: integer multiples of a power of ten, displayed with exactly the digits stored."""

from __future__ import annotations

import math
from base64 import b64encode
from dataclasses import dataclass

import numpy as np

LARGEST = {16: 32_000, 32: 2_000_000_000}  # by the number of bits; the lowest integer is reserved for NaN
DECIMALS, LEAST = 4, 3  # at most, unless all values are small; at least, for which more bytes are used


@dataclass(frozen=True)
class Packed:
    """Integers in base64, `value = integer / 10**decimals`, row by row, little-endian.

    bits: of an integer, 16 or 32; the lowest integer represents values that are not finite
    """

    decimals: int
    bits: int
    data: str


def packed(values: np.ndarray) -> Packed:
    """Packs an array; each value is stored to `decimals` decimals.

    >>> packed(np.array([0.123456, -1.5])).decimals, packed(np.array([0.123456, -1500])).bits
    (4, 32)
    """
    values = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(values)
    top = float(np.abs(values[finite]).max()) if finite.any() else 0.0
    bits, decimals = 16, _decimals(top, 16)
    if decimals < LEAST:
        bits, decimals = 32, _decimals(top, 32)
    whole = np.rint(np.where(finite, values, 0.0) * 10.0**decimals)
    kind = np.dtype(f"<i{bits // 8}")
    numbers = np.where(finite, whole, np.iinfo(kind).min).astype(kind)
    return Packed(decimals, bits, b64encode(numbers.tobytes()).decode())


def _decimals(top: float, bits: int) -> int:
    if top == 0:
        return DECIMALS
    decimals = math.floor(math.log10(LARGEST[bits] / top))
    return min(decimals, DECIMALS) if top >= 0.1 else decimals

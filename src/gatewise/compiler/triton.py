"""Triton, for the kernels of GPUs: numbers and functions, and the rows that a kernel loads."""

from __future__ import annotations

from typing import ClassVar

from gatewise.compiler.statements import Row, Statistic, Words

FUNCTIONS = {
    "sigmoid": "tl.sigmoid",
    "tanh": "tanh",
    "exp": "tl.exp",
    "softplus": "softplus",
    "relu": "relu",
    "log_sigmoid": "log_sigmoid",
    "log": "tl.log",
    "sqrt": "tl.sqrt_rn",
    "sin": "tl.sin",
    "cos": "tl.cos",
    "fraction": "fraction",
    "abs": "tl.abs",
    "maximum": "maximum",
    "minimum": "minimum",
}
NUMBERS = {"one": "1.0", "half": "0.5", "zero": "0.0", "ones": "1.0", "minus_ones": "-1.0", "zeros": "0.0"}

# `tanh` is no function of Triton's own: near zero a polynomial, as exp would lose the digits there.
PRELUDE = '''import triton
import triton.language as tl


@triton.jit
def tanh(v):
    e = tl.exp(-2.0 * tl.abs(v))
    large = (1.0 - e) / (1.0 + e)
    q = v * v
    p = (((-0.0057049887 * q + 0.020639089) * q - 0.053739716) * q + 0.13331442) * q - 0.33333282
    return tl.where(tl.abs(v) < 0.625, v + v * q * p, tl.where(v < 0.0, -large, large))


@triton.jit
def log_of_one_and(e):
    u = 1.0 + e
    return tl.where(u == 1.0, e, tl.log(u) * (e / (u - 1.0)))


@triton.jit
def softplus(v):
    return tl.where(v < 0.0, 0.0, v) + log_of_one_and(tl.exp(-tl.abs(v)))


@triton.jit
def log_sigmoid(v):
    return tl.where(v > 0.0, 0.0, v) - log_of_one_and(tl.exp(-tl.abs(v)))


@triton.jit
def relu(v):
    return tl.where(v < 0.0, 0.0, v)


@triton.jit
def fraction(v):
    return v - tl.floor(v)


@triton.jit
def sign(v):
    return tl.where(v > 0.0, 1.0, tl.where(v < 0.0, -1.0, v))


@triton.jit
def maximum(a, b):
    return tl.where((a > b) | (a != a), a, b)


@triton.jit
def minimum(a, b):
    return tl.where((a < b) | (a != a), a, b)


@triton.jit
def place(b, u, batch, width, PRODUCT: tl.constexpr, PRODUCTS: tl.constexpr, HEADS: tl.constexpr):
    """Where a product is in [heads, B, products, units of a head]."""
    if HEADS == 1:
        return (b * PRODUCTS + PRODUCT) * width + u
    keys = width // HEADS
    return ((u // keys * batch + b) * PRODUCTS + PRODUCT) * keys + u % keys
'''


class Triton:
    """The values of a kernel, which are variables; it notes those that the kernel must load or compute."""

    words: ClassVar[Words] = {**FUNCTIONS, **NUMBERS, "sign": "sign", "select": "tl.where"}

    def __init__(self) -> None:
        self.rows: dict[Row, None] = {}
        self.normalizers: dict[int, None] = {}

    def row(self, row: Row) -> str:
        """The variable of a row."""
        self.rows[row] = None
        return f"{row.where}_{row.index}"

    def number(self, value: float) -> str:
        """A constant."""
        return f"({value!r})" if value < 0 else repr(value)

    def statistic(self, one: Statistic) -> str:
        """The variable of a normalizer's number."""
        self.normalizers[one.normalizer] = None
        return f"{one.kind}_{one.normalizer}"

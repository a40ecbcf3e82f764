"""The elementwise functions in C++: one row each, with value and derivative."""

from __future__ import annotations

from dataclasses import dataclass

SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


@dataclass(frozen=True)
class NativeFunction:
    """An elementwise function of the native headers.

    name: of the C++ template
    slope: the derivative of a function of one argument, over its value `{y}` or its argument `{x}`
    """

    name: str
    slope: str = ""


FUNCTIONS = {
    "negate": NativeFunction("-", "broadcast<T>(-1)"),
    "sigmoid": NativeFunction("sigmoid<T>", "({y} * (T(1) - {y}))"),
    "tanh": NativeFunction("hyperbolic_tangent<T>", "(T(1) - {y} * {y})"),
    "exp": NativeFunction("exponential<T>", "{y}"),
    "softplus": NativeFunction("softplus<T>", "(T(1) - exponential<T>(-{y}))"),
    "relu": NativeFunction("relu<T>", "select<T>({y} > T(0), broadcast<T>(1), V{{}})"),
    "log_sigmoid": NativeFunction("log_sigmoid<T>", "(T(1) - exponential<T>({y}))"),
    "log": NativeFunction("logarithm<T>", "(T(1) / {x})"),
    "sqrt": NativeFunction("square_root<T>", "(T(0.5) / {y})"),
    "sin": NativeFunction("sine<T>", "cosine<T>({x})"),
    "cos": NativeFunction("cosine<T>", "(-sine<T>({x}))"),
    "fraction": NativeFunction("fraction<T>", "broadcast<T>(1)"),
    "abs": NativeFunction("absolute<T>", "sign<T>({x})"),
    "maximum": NativeFunction("maximum<T>"),
    "minimum": NativeFunction("minimum<T>"),
}

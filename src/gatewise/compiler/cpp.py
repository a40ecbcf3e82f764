"""C++ over a vector type, for the kernels of processors: numbers, functions and rows."""

from __future__ import annotations

from typing import ClassVar

from gatewise.compiler.statements import Row, Statement, Statistic, Words, written

FUNCTIONS = {
    "sigmoid": "sigmoid<T>",
    "tanh": "hyperbolic_tangent<T>",
    "exp": "exponential<T>",
    "softplus": "softplus<T>",
    "relu": "relu<T>",
    "log_sigmoid": "log_sigmoid<T>",
    "log": "logarithm<T>",
    "sqrt": "square_root<T>",
    "sin": "sine<T>",
    "cos": "cosine<T>",
    "fraction": "fraction<T>",
    "abs": "absolute<T>",
    "maximum": "maximum<T>",
    "minimum": "minimum<T>",
}
NUMBERS = {
    "one": "T(1)", "half": "T(0.5)", "zero": "T(0)", "ones": "broadcast<T>(1)",
    "minus_ones": "broadcast<T>(-1)", "zeros": "V{}",
}  # fmt: skip


class CPlusPlus:
    """The values of a step over the headers in `engine/native`."""

    words: ClassVar[Words] = {**FUNCTIONS, **NUMBERS, "sign": "sign<T>", "select": "select<T>"}

    def row(self, row: Row) -> str:
        """A vector of one of the rows of a step."""
        if row.where in ("previous", "state", "factors"):  # which are not beside each other
            return f"load(step.{row.where}[{row.index}] + u)"
        return f"load(step.{row.where} + {row.index} * step.stride + u)"

    def number(self, value: float) -> str:
        """A constant in each number of a vector."""
        return f"broadcast<T>({value!r})"

    def statistic(self, one: Statistic) -> str:
        """A number of a normalizer."""
        return f"step.{one.kind}({one.normalizer})"


CPP = CPlusPlus()


def statement(one: Statement) -> str:
    """A line of C++."""
    text = written(one.value, CPP)
    return f"{one.name} += {text};" if one.adds else f"const V {one.name} = {text};"

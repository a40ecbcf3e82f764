"""A cell's equations as a person reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from gatewise.cells.expressions import (
    Constant,
    Expression,
    Input,
    Normalised,
    Operation,
    Previous,
    Product,
    Vector,
)
from gatewise.cells.limits import MOST_PARTS
from gatewise.cells.traversal import fits

# How tightly each sign binds; an operand that binds less is put in brackets.
SIGNS = {"add": (" + ", 1), "subtract": (" - ", 1), "multiply": (" * ", 2), "divide": (" / ", 2)}
PRODUCT, WHOLE = 3, 4


class Equations(Protocol):
    """What has equations, such as a cell."""

    @property
    def lines(self) -> Mapping[str, Expression]: ...


def formulas(cell: Equations) -> dict[str, str]:
    """Each line as text, in the order in which they are computed.

    >>> from gatewise.cells import LSTM
    >>> formulas(LSTM)["f"], formulas(LSTM)["c"]
    ('sigmoid(W_f x + R_f h[t-1])', 'f * c[t-1] + i * g')
    """
    return {name: formula(line) for name, line in cell.lines.items()}


Words = Callable[[Expression], str | None]


def formula(expression: Expression, words: Words = lambda part: part.line) -> str:
    """An expression as text; the lines that it reads stay names.

    words: what to write for a part instead of its own text, such as a number; None for its text
    """
    return _text(expression, words)[0]


def _read(expression: Expression, words: Words, least: int = 0) -> str:
    """An operand: its word, or its text, in brackets where it binds less than it must."""
    word = words(expression)
    if word is not None:
        return f"({word})" if word.startswith("-") and least > SIGNS["add"][1] else word
    text, strength = _text(expression, words)
    return text if strength >= least else f"({text})"


def _text(expression: Expression, words: Words) -> tuple[str, int]:
    match expression:
        case Operation(function=name, arguments=(first, second)) if name in SIGNS:
            sign, strength = SIGNS[name]
            closer = strength + (name in ("subtract", "divide"))
            after = _read(second, words, closer)
            after = f"({after})" if after.startswith("-") else after
            return _read(first, words, strength) + sign + after, strength
        case Operation(function="negate", arguments=(only,)):
            return f"-{_read(only, words, PRODUCT)}", 1
        case Operation(function=name, arguments=arguments):
            return f"{name}({', '.join(_read(one, words) for one in arguments)})", WHOLE
        case Product(family=family, block=block, operand=operand):
            return f"{family}_{block} {_read(operand, words, WHOLE)}", PRODUCT
        case Normalised(group=group, operand=operand):
            return f"normalise_{group}({_read(operand, words)})", WHOLE
        case Previous(state=state, axis=axis):
            return f"{state}[p-e{axis}]" if axis else f"{state}[t-1]", WHOLE
        case Vector(family=family, block=block):
            return f"{family}_{block}", WHOLE
        case Constant(value=number):
            return f"{number:g}", WHOLE
        case Input():
            return "x", WHOLE
    raise TypeError(f"no formula for {expression}")


def _represented(expression: Expression) -> str:
    return formula(expression) if fits(expression) else f"an expression of more than {MOST_PARTS} parts"


Expression.__repr__ = _represented  # type: ignore[method-assign, assignment]

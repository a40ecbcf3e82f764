"""A cell's equations as plain text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol

from gatewise.cells.expressions import Expression, Normalized, Operation, Previous, Product
from gatewise.cells.limits import MOST_PARTS
from gatewise.cells.printer import Binding, Operator, Printed, Printer
from gatewise.cells.traversal import fits

SUM, PRODUCT, MATRIX_PRODUCT, ATOM = Binding

Words = Callable[[Expression], str | None]


class Equations(Protocol):
    """Anything with equations, such as a cell."""

    @property
    def lines(self) -> Mapping[str, Expression]: ...


def formulas(cell: Equations) -> dict[str, str]:
    """Each line as text, in the order in which they are computed.

    >>> from gatewise.cells import LSTM
    >>> formulas(LSTM)["f"], formulas(LSTM)["c"]
    ('sigmoid(W_f x + R_f h[t-1])', 'f * c[t-1] + i * g')
    """
    return {name: formula(line) for name, line in cell.lines.items()}


def formula(expression: Expression, words: Words = lambda operand: operand.line) -> str:
    """An expression as text, with the names of the lines that it reads.

    words: what to write for an operand instead of its own text, such as a number; None for its text
    """
    return TextPrinter(words).printed(expression)[0]


class TextPrinter(Printer):
    """Prints `sigmoid(W_f x + R_f h[t-1])`."""

    operators: ClassVar = {
        "add": Operator("{} + {}", SUM, (SUM, SUM)),
        "subtract": Operator("{} - {}", SUM, (SUM, PRODUCT)),
        "multiply": Operator("{} * {}", PRODUCT, (PRODUCT, PRODUCT)),
        "divide": Operator("{} / {}", PRODUCT, (PRODUCT, MATRIX_PRODUCT)),
        "negate": Operator("-{}", SUM, (MATRIX_PRODUCT,)),
        "contract": Operator("{} {}", MATRIX_PRODUCT, (ATOM, ATOM)),
    }

    def __init__(self, words: Words) -> None:
        self.words = words

    def named(self, expression: Expression) -> Printed | None:
        word = self.words(expression)
        return None if word is None else (word, SUM if word.startswith("-") else ATOM)

    def joined(self, operation: Operation, operands: list[str]) -> str:
        """A minus sign never follows another sign without a bracket."""
        first, *others = operands
        others = [self.brackets(one) if one.startswith("-") else one for one in others]
        return super().joined(operation, [first, *others])

    def brackets(self, text: str) -> str:
        return f"({text})"

    def function(self, name: str, arguments: list[str]) -> str:
        return f"{name}({', '.join(arguments)})"

    def product(self, product: Product) -> Printed:
        return f"{product.family}_{product.block} {self.operand(product.operand, ATOM)}", MATRIX_PRODUCT

    def key_scale(self) -> str:
        return "1 / sqrt(K)"

    def normalized(self, value: Normalized) -> str:
        return f"normalize_{value.group}({self.operand(value.operand)})"

    def previous(self, state: Previous) -> str:
        return f"{state.state}[p-e{state.axis}]" if state.axis else f"{state.state}[t-1]"

    def vector(self, family: str, block: str) -> str:
        return f"{family}_{block}"

    def number(self, digits: str) -> str:
        return digits

    def input(self) -> str:
        return "x"


def _represented(expression: Expression) -> str:
    return formula(expression) if fits(expression) else f"an expression of more than {MOST_PARTS} parts"


Expression.__repr__ = _represented  # type: ignore[method-assign, assignment]

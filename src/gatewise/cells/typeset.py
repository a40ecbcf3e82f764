"""The common base of LaTeX and MathML: textbook sums, each with its biases."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import ClassVar

from gatewise.cells.expressions import Constant, Expression, KeyScale, Normalized, Operation, Product
from gatewise.cells.printer import Binding, Printed, Printer
from gatewise.cells.traversal import terms

NUMBERED = re.compile(r"([A-Za-z])_?([1-9])")  # f_1, R1
BIASED = ("W", "R")  # the families whose products add a bias


class TypesetPrinter(Printer):
    """Prints equations as in a textbook.

    at: the letter of the step (`t`) or of the position on a lattice (`p`)
    """

    plus: ClassVar[str]
    scales: ClassVar[str]  # between a number and what it multiplies

    def __init__(self, at: str) -> None:
        self.at = at

    def named(self, expression: Expression) -> Printed | None:
        return None if expression.line is None else (self.line(expression.line), Binding.ATOM)

    def factor(self, name: str) -> str:
        return self.line(name)

    def sum(self, total: Operation) -> str:
        """All terms; the products by W and R of one block share one bias."""
        added = list(terms(total))
        products = [one for one in added if isinstance(one, Product) and one.line is None]
        blocks = dict.fromkeys(one.block for one in products if one.family in BIASED or one.per_head)
        texts = [self.matrix_product(one) if one in products else self.operand(one) for one in added]
        return self.plus.join([*texts, *(self.bias(block) for block in blocks)])

    def joined(self, operation: Operation, operands: list[str]) -> str:
        """A product with a number has no multiplication sign; a negative one that follows has brackets."""
        if operation.function not in ("multiply", "subtract"):
            return super().joined(operation, operands)
        first, second = operands
        last = operation.arguments[1]
        second = self.brackets(second) if isinstance(last, Constant) and last.value < 0 else second
        scaled = any(isinstance(one, Constant | KeyScale) for one in operation.arguments)
        if operation.function == "multiply" and scaled:
            return f"{first}{self.scales}{second}"
        return super().joined(operation, [first, second])

    def product(self, product: Product) -> Printed:
        """A product outside a sum; one by W or R has its own bias."""
        text = self.matrix_product(product)
        if product.family not in BIASED and not product.per_head:
            return text, Binding.MATRIX_PRODUCT
        return f"{text}{self.plus}{self.bias(product.block, product.family)}", Binding.SUM

    def normalized(self, value: Normalized) -> str:
        """A product that is normalized alone has a shift and no bias."""
        operand = value.operand
        alone = isinstance(operand, Product) and operand.line is None
        return self.normalizer(value.group, self.matrix_product(operand) if alone else self.operand(operand))

    @abstractmethod
    def line(self, name: str) -> str:
        """A line's value at this step."""

    @abstractmethod
    def matrix_product(self, product: Expression) -> str:
        """A matrix times its operand, without a bias."""

    @abstractmethod
    def bias(self, block: str, family: str = "") -> str:
        """The bias of a sum, or that of one family's product alone."""

    @abstractmethod
    def normalizer(self, group: str, inside: str) -> str:
        """Layer normalization of a text."""

"""The common base of LaTeX and MathML: textbook sums, each with its biases."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import ClassVar

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Constant, Expression, KeyScale, Normalized, Operation, Product, Vector
from gatewise.cells.printer import Binding, Printed, Printer
from gatewise.cells.traversal import inside, terms

NUMBERED = re.compile(r"([A-Za-z])_([1-9])")  # f_1: of axis 1
NUMBERED_FAMILY = re.compile(r"([A-Za-z])([1-9])")  # R1
BIASED = ("W", "R")  # the families whose products add a bias


def own_biases(cell: CellType) -> frozenset[str]:
    """The blocks of the vectors `b.d` that a cell adds itself: the biases of products have other letters."""
    every = (part for line in cell.lines.values() for part in inside(line))
    return frozenset(one.block for one in every if isinstance(one, Vector) and one.family == "b")


class TypesetPrinter(Printer):
    """Prints equations as in a textbook.

    at: the letter of the step (`t`) or of the position on a lattice (`p`)
    own: the blocks with biases of the cell's own
    """

    plus: ClassVar[str]
    scales: ClassVar[str]  # between a number and what it multiplies
    times: ClassVar[str]  # between a value and a number that follows

    def __init__(self, cell: CellType) -> None:
        self.at = "p" if cell.of_lattice else "t"
        self.own = own_biases(cell)

    def named(self, expression: Expression) -> Printed | None:
        return None if expression.line is None else (self.line(expression.line), Binding.ATOM)

    def factor(self, name: str) -> str:
        return self.line(name)

    def sum(self, total: Operation) -> str:
        """All terms; the products by W and R of one block share one bias, unless the cell has its own."""
        added = list(terms(total))
        products = [one for one in added if isinstance(one, Product) and one.line is None]
        texts = [self.matrix_product(one) if one in products else self.operand(one) for one in added]
        biased = [one for one in products if one.family in BIASED or one.per_head]
        biases = [self.bias(one.block, one.family if one.block in self.own else "") for one in biased]
        return self.plus.join([*texts, *dict.fromkeys(biases)])

    def joined(self, operation: Operation, operands: list[str]) -> str:
        """A number has no multiplication sign after it; a negative one that follows has brackets."""
        if operation.function not in ("multiply", "subtract"):
            return super().joined(operation, operands)
        first, second = operands
        before, last = operation.arguments
        negative = isinstance(last, Constant) and last.value < 0
        second = self.brackets(second) if negative else second
        if operation.function == "multiply" and isinstance(last, Constant | KeyScale) and not negative:
            return f"{first}{self.times}{second}"
        if operation.function == "multiply" and (negative or isinstance(before, Constant | KeyScale)):
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

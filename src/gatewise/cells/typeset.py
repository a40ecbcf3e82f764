"""The common base of LaTeX and MathML: textbook sums, each with its biases."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from itertools import chain
from typing import ClassVar, TypeGuard

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Constant, Expression, KeyScale, Normalized, Operation, Product, Vector
from gatewise.cells.printer import Binding, Printed, Printer
from gatewise.cells.traversal import inside, terms

NUMBERED = re.compile(r"([A-Za-z])_([1-9])")  # f_1: of axis 1
NUMBERED_FAMILY = re.compile(r"([A-Za-z])([1-9])")  # R1
BIASED = ("W", "R")  # the families whose products add a bias


def separate_biases(cell: CellType) -> frozenset[str]:
    """The blocks of which each product has a bias with a letter of its own.

    Products of one block in one sum share a bias. Those in several sums have different ones, and a vector
    `b.d` that a cell adds itself is another.
    """
    sums = [found for line in cell.lines.values() for found in _sums(line)]
    families: dict[str, set[str]] = {}
    for block, family in chain.from_iterable(sums):
        families.setdefault(block, set()).add(family)
    apart = {
        block
        for found in sums
        for block in {block for block, _ in found}
        if {(block, family) for family in families[block]} - found
    }
    every = (part for line in cell.lines.values() for part in inside(line))
    own = {one.block for one in every if isinstance(one, Vector) and one.family == "b"}
    return frozenset(apart | own)


def is_biased(expression: Expression) -> TypeGuard[Product]:
    """Whether it is a product that adds a bias."""
    return isinstance(expression, Product) and (expression.family in BIASED or expression.per_head)


def _sums(expression: Expression) -> Iterator[set[tuple[str, str]]]:
    """The blocks and families of products with a bias, in each sum of a line; a product alone is one, too."""
    is_sum = isinstance(expression, Operation) and expression.function == "add"
    added = [one for one in terms(expression) if one.line is None] if is_sum else [expression]
    yield {(one.block, one.family) for one in added if is_biased(one)}
    for one in added:
        if isinstance(one, Normalized) and isinstance(one.operand, Product) and one.operand.line is None:
            one = one.operand  # a product that is normalized alone has no bias
        for operand in one.operands:
            if operand.line is None:
                yield from _sums(operand)


class TypesetPrinter(Printer):
    """Prints equations as in a textbook.

    at: the letter of the step (`t`) or of the position on a lattice (`p`)
    separate: the blocks of which each product has a bias with a letter of its own
    """

    plus: ClassVar[str]
    scales: ClassVar[str]  # between a number and what it multiplies
    times: ClassVar[str]  # between a value and a number that follows

    def __init__(self, cell: CellType) -> None:
        self.at = "p" if cell.of_lattice else "t"
        self.separate = separate_biases(cell)

    def named(self, expression: Expression) -> Printed | None:
        return None if expression.line is None else (self.line(expression.line), Binding.ATOM)

    def factor(self, name: str) -> str:
        return self.line(name)

    def sum(self, total: Operation) -> str:
        """All terms; the products by W and R of one block share one bias, unless each has its own."""
        added = list(terms(total))
        products = [one for one in added if isinstance(one, Product) and one.line is None]
        texts = [self.matrix_product(one) if one in products else self.operand(one) for one in added]
        biases = [self._bias(one) for one in products if is_biased(one)]
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
        """A product outside a sum; one by W or R has a bias."""
        text = self.matrix_product(product)
        if not is_biased(product):
            return text, Binding.MATRIX_PRODUCT
        return f"{text}{self.plus}{self._bias(product)}", Binding.SUM

    def _bias(self, product: Product) -> str:
        return self.bias(product.block, product.family if product.block in self.separate else "")

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
        """The bias of a block, or that of the product by one family."""

    @abstractmethod
    def normalizer(self, group: str, inside: str) -> str:
        """Layer normalization of a text."""

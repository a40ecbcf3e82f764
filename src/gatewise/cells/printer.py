"""Expressions as text: one visitor sets brackets by precedence; each output format is a subclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from gatewise.cells.expressions import (
    Constant,
    Expression,
    Factor,
    Input,
    KeyScale,
    Normalized,
    Operation,
    Position,
    Previous,
    Product,
    Uniform,
    Vector,
)


class Binding(IntEnum):
    """The precedence of a text: an operand with a lower one than required gets brackets."""

    SUM = 1
    PRODUCT = 2
    MATRIX_PRODUCT = 3
    ATOM = 4


@dataclass(frozen=True)
class Operator:
    """The template of an operator.

    template: the text, with `{}` for each operand
    binding: of the whole
    operands: the least binding of each operand without brackets
    """

    template: str
    binding: Binding
    operands: tuple[Binding, ...]


Printed = tuple[str, Binding]


class Printer(ABC):
    """Visits an expression and returns its text in one output format."""

    operators: ClassVar[Mapping[str, Operator]]

    def operand(self, expression: Expression, least: Binding = Binding.SUM) -> str:
        """The text of an operand, in brackets if it binds less than `least`."""
        text, binding = self.named(expression) or self.printed(expression)
        return text if binding >= least else self.brackets(text)

    def printed(self, expression: Expression) -> Printed:
        """The text of an expression itself, not its name, and its precedence."""
        match expression:
            case Operation(function="add"):
                return self.sum(expression), Binding.SUM
            case Operation(function=name) if name in self.operators:
                return self.operation(expression), self.operators[name].binding
            case Operation(function=name, arguments=arguments):
                return self.function(name, [self.operand(one) for one in arguments]), Binding.ATOM
            case Product():
                return self.product(expression)
            case Normalized():
                return self.normalized(expression), Binding.ATOM
            case Previous():
                return self.previous(expression), Binding.ATOM
            case Vector(family=family, block=block):
                return self.vector(family, block), Binding.ATOM
            case Constant(value=value):
                return self.number(f"{value:g}"), Binding.ATOM
            case Input():
                return self.input(), Binding.ATOM
            case Factor(name=name):
                return self.factor(name), Binding.ATOM
            case KeyScale():
                return self.key_scale(), Binding.PRODUCT
            case Uniform():
                return "uniform", Binding.ATOM
            case Position():
                return "position", Binding.ATOM
        raise TypeError(f"cannot print a {type(expression).__name__}")

    def operation(self, operation: Operation) -> str:
        """An operator between its operands."""
        operator = self.operators[operation.function]
        pairs = zip(operation.arguments, operator.operands, strict=True)
        return self.joined(operation, [self.operand(one, least) for one, least in pairs])

    def joined(self, operation: Operation, operands: list[str]) -> str:
        """The texts of the operands in the operator's template."""
        return self.operators[operation.function].template.format(*operands)

    def factor(self, name: str) -> str:
        """A value that a layer is given, such as the elapsed time."""
        return name

    def sum(self, total: Operation) -> str:
        """An addition."""
        return self.operation(total)

    @abstractmethod
    def named(self, expression: Expression) -> Printed | None:
        """The replacement of an operand's text, such as a line's name, or None."""

    @abstractmethod
    def brackets(self, text: str) -> str:
        """The text in round brackets."""

    @abstractmethod
    def function(self, name: str, arguments: list[str]) -> str:
        """A function of its arguments' texts."""

    @abstractmethod
    def product(self, product: Product) -> Printed:
        """A matrix times its operand."""

    @abstractmethod
    def key_scale(self) -> str:
        """`1 / sqrt(K)`."""

    @abstractmethod
    def normalized(self, value: Normalized) -> str:
        """A value after layer normalization."""

    @abstractmethod
    def previous(self, state: Previous) -> str:
        """A state of the step or position before."""

    @abstractmethod
    def vector(self, family: str, block: str) -> str:
        """A parameter with one value for each unit."""

    @abstractmethod
    def number(self, digits: str) -> str:
        """A constant."""

    @abstractmethod
    def input(self) -> str:
        """The input of the step."""

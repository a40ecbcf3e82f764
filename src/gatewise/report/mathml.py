"""A cell's equations as MathML, with symbols and with slots for numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import ClassVar

from gatewise.cells.base import CellType
from gatewise.cells.expressions import (
    Expression,
    Factor,
    Input,
    Normalized,
    Operation,
    Previous,
    Product,
    Vector,
)
from gatewise.cells.functions import BY_HEAD, FUNCTIONS
from gatewise.cells.printer import Binding, Operator, Printed
from gatewise.cells.traversal import terms
from gatewise.cells.typeset import NUMBERED, NUMBERED_FAMILY, TypesetPrinter

INVERTIBLE = ("sigmoid", "tanh")  # the argument follows from the value
NOT_TRACED = (Product, Normalized, Vector, Input, Factor)
TIMES = "<mo>·</mo>"
THIN = "<mspace width='0.15em'/>"
TRANSPOSED = "<msup><mrow>{}</mrow><mo>&#8868;</mo></msup>"
SUM, PRODUCT, MATRIX_PRODUCT, ATOM = Binding


@dataclass(frozen=True)
class Equation:
    """One line of a cell.

    letters: `c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t` as MathML
    numbers: the right side again, with an empty `<mn>` for each number of a unit at a step; None if only the
        value of the line itself is known. An `<mn>` has `data-line` (the value of that line), `data-before`
        (a state of the step before, on a lattice along `data-axis`) or `data-inside` (the argument of that
        function, whose value is that of `data-line`).
    """

    name: str
    letters: str
    numbers: str | None


def equations(cell: CellType) -> tuple[Equation, ...]:
    """All lines of a cell in the order of computation.

    >>> from gatewise.cells import LSTM
    >>> [one.name for one in equations(LSTM)], "data-before" in equations(LSTM)[3].numbers
    (['i', 'f', 'g', 'c', 'o', 'h'], True)
    """
    found = []
    letters, numbers = MathMLPrinter(cell), _NumbersPrinter(cell)
    for name, line in cell.lines.items():
        equation = f"{letters.line(name)}<mo>=</mo>{letters.printed(line)[0]}"
        filled = None if name in cell.matrices else numbers.equation(name, line)
        found.append(Equation(name, _math(equation), filled))
    return tuple(found)


def symbol(name: str) -> str:
    """A line's name as MathML."""
    return _math(_name(name))


class MathMLPrinter(TypesetPrinter):
    """Prints MathML with the symbols of a textbook."""

    operators: ClassVar = {
        "subtract": Operator("{}<mo>&#8722;</mo>{}", SUM, (SUM, PRODUCT)),
        "multiply": Operator("{}<mo>⊙</mo>{}", PRODUCT, (PRODUCT, PRODUCT)),
        "divide": Operator("<mfrac><mrow>{}</mrow><mrow>{}</mrow></mfrac>", ATOM, (SUM, SUM)),
        "negate": Operator("<mo>&#8722;</mo>{}", SUM, (PRODUCT,)),
        "abs": Operator("<mrow><mo>|</mo>{}<mo>|</mo></mrow>", ATOM, (SUM,)),
        "sqrt": Operator("<msqrt><mrow>{}</mrow></msqrt>", ATOM, (SUM,)),
        "contract": Operator(f"{{}}{THIN}{{}}", MATRIX_PRODUCT, (ATOM, ATOM)),
        "outer": Operator(f"{{}}{THIN}{TRANSPOSED}", MATRIX_PRODUCT, (ATOM, ATOM)),
        "dot": Operator(f"{TRANSPOSED}{THIN}{{}}", MATRIX_PRODUCT, (ATOM, ATOM)),
        "keys": Operator(f"<mn class='bold'>1</mn>{THIN}{TRANSPOSED}", MATRIX_PRODUCT, (ATOM,)),
    }
    plus = "<mo>+</mo>"
    scales = THIN
    times = "<mo>·</mo>"

    def line(self, name: str) -> str:
        return _at(_name(name), self.at)

    def brackets(self, text: str) -> str:
        return _brackets(text)

    def function(self, name: str, arguments: list[str]) -> str:
        return f"<mi>{FUNCTIONS[name].mathml}</mi>{_brackets('<mo>,</mo>'.join(arguments))}"

    def matrix_product(self, product: Expression) -> str:
        assert isinstance(product, Product)
        matrix = _below(_bold(_family(product.family)), _name(product.block))
        return f"{matrix}{THIN}{self.operand(product.operand, ATOM)}"

    def key_scale(self) -> str:
        return "<mfrac><mn>1</mn><msqrt><mi>K</mi></msqrt></mfrac>"

    def bias(self, block: str, family: str = "") -> str:
        if family:
            return f"<msubsup><mi>b</mi>{_name(block)}{_family(family)}</msubsup>"
        return f"<msub><mi>b</mi>{_name(block)}</msub>"

    def normalizer(self, group: str, inside: str) -> str:
        return f"<msub><mi>LN</mi><mi>{escape(group)}</mi></msub>{_brackets(inside)}"

    def previous(self, state: Previous) -> str:
        step = f"<msub><mi>e</mi><mn>{state.axis}</mn></msub>" if state.axis else "<mn>1</mn>"
        return _below(_name(state.state), _row(f"<mi>{self.at}</mi><mo>&#8722;</mo>{step}"))

    def vector(self, family: str, block: str) -> str:
        return f"<msub>{_family(family)}{_name(block)}</msub>"

    def number(self, digits: str) -> str:
        return f"<mn>{digits}</mn>"

    def input(self) -> str:
        return _at(_bold(_name("x")), self.at)


class _NotTracedError(Exception):
    """A trace holds no value for a part of the equation."""


class _NumbersPrinter(MathMLPrinter):
    """Prints MathML with an empty slot for each number; matrix products have no numbers."""

    operators: ClassVar = {
        **MathMLPrinter.operators,
        "multiply": Operator(f"{{}}{TIMES}{{}}", PRODUCT, (PRODUCT, PRODUCT)),
    }
    scales = times = TIMES

    def equation(self, name: str, line: Expression) -> str | None:
        """A `<math>` for each term, so that a long sum can wrap; None if a number is missing."""
        try:
            if isinstance(line, Operation) and line.function in INVERTIBLE and _opaque(line.arguments[0]):
                inside = f"<mn data-line='{escape(name)}' data-inside='{line.function}'></mn>"
                return _math(self.function(line.function, [inside]))
            if isinstance(line, Operation) and line.function == "add":
                first, *others = (self.operand(one) for one in terms(line))
                plus = "<mo form='infix' lspace='0' rspace='0.25em'>+</mo>"
                return " ".join([_math(first), *(_math(f"{plus}{one}") for one in others)])
            return _math(self.printed(line)[0])
        except _NotTracedError:
            return None

    def printed(self, expression: Expression) -> Printed:
        by_head = isinstance(expression, Operation) and expression.function in BY_HEAD
        if by_head or isinstance(expression, NOT_TRACED):
            raise _NotTracedError
        return super().printed(expression)

    def line(self, name: str) -> str:
        return f"<mn data-line='{escape(name)}'></mn>"

    def sum(self, total: Operation) -> str:
        return self.plus.join(self.operand(one) for one in terms(total))

    def previous(self, state: Previous) -> str:
        axis = f" data-axis='{state.axis}'" if state.axis else ""
        return f"<mn data-before='{escape(state.state)}'{axis}></mn>"


def _opaque(expression: Expression) -> bool:
    """Whether a part of it is not in a trace: a product, a weight, a normalized value."""
    if expression.line is not None:
        return False
    if isinstance(expression, NOT_TRACED):
        return True
    return any(_opaque(one) for one in expression.operands)


def _math(text: str) -> str:
    return f"<math>{_row(text)}</math>"


def _row(text: str) -> str:
    return f"<mrow>{text}</mrow>"


def _brackets(text: str) -> str:
    return _row(f"<mo>(</mo>{text}<mo>)</mo>")


def _at(name: str, at: str) -> str:
    """A name with its step or position as a subscript."""
    return _below(name, f"<mi>{at}</mi>")


def _below(name: str, below: str) -> str:
    """A name with a subscript; the number of its axis, if it has one, is a superscript."""
    if name.startswith("<msup>"):
        letter, number = name.removeprefix("<msup>").removesuffix("</msup>").split("<mrow>")
        return f"<msubsup>{letter}{below}<mrow>{number}</msubsup>"
    return f"<msub>{name}{below}</msub>"


def _bold(name: str) -> str:
    return name.replace("<mi>", "<mi class='bold'>", 1)


def _name(name: str, numbered: re.Pattern[str] = NUMBERED) -> str:
    """A name; the number of its axis, if it has one, is a superscript."""
    found = numbered.fullmatch(name)
    if found:
        return f"<msup><mi>{found[1]}</mi><mrow><mo>(</mo><mn>{found[2]}</mn><mo>)</mo></mrow></msup>"
    return f"<mi>{escape(name)}</mi>"


def _family(name: str) -> str:
    return _name(name, NUMBERED_FAMILY)

"""A cell's equations as MathML, which browsers typeset: in letters, and with places for numbers."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from gatewise.cells.base import CellType
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
from gatewise.cells.latex import NUMBERED
from gatewise.cells.traversal import terms

FUNCTIONS = {"sigmoid": "&#963;", "maximum": "max"}
INVERSE = ("sigmoid", "tanh")  # whose argument can be told by their value
SUM, PRODUCT, WHOLE = 1, 2, 3  # how tightly a text holds together


@dataclass(frozen=True)
class Equation:
    """One line of a cell.

    letters: `c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t` as MathML; numbers: the right side once more, with an empty
    `<mn>` for each number of a unit at a step; None where nothing but the line's own value is known. An
    `<mn>` says what it takes by `data-line` (that line's value), `data-before` (a state of the step before;
    on a lattice `data-axis` says along which axis) or `data-inside` (what that function was taken of, so
    that it gave the value of `data-line`).
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
    at = "p" if cell.of_lattice else "t"
    found = []
    for name, line in cell.lines.items():
        left = _at(_name(name), at)
        right = _Letters(at).text(line)[0]
        filled = _Numbers(at, name, cell).line(line)
        found.append(Equation(name, _math(f"{left}<mo>=</mo>{right}"), filled))
    return tuple(found)


def symbol(name: str) -> str:
    """A line's name as MathML."""
    return _math(_name(name))


class _Letters:
    """Expressions as they stand in a textbook."""

    def __init__(self, at: str) -> None:
        self.at = at

    def read(self, expression: Expression, least: int = SUM) -> str:
        """An operand: its line's name, or its text, in brackets where it holds together less than it must."""
        if expression.line is not None:
            return self.named(expression.line)
        text, strength = self.text(expression)
        return text if strength >= least else _brackets(text)

    def named(self, line: str) -> str:
        return _at(_name(line), self.at)

    def text(self, expression: Expression) -> tuple[str, int]:
        """An expression, and how tightly it holds together."""
        match expression:
            case Operation(function="add"):
                return self.sum(list(terms(expression))), SUM
            case Operation(function="subtract", arguments=(first, second)):
                return f"{self.read(first)}<mo>&#8722;</mo>{self.read(second, PRODUCT)}", SUM
            case Operation(function="multiply", arguments=(first, second)):
                return f"{self.read(first, PRODUCT)}{self.times}{self.read(second, PRODUCT)}", PRODUCT
            case Operation(function="divide", arguments=(first, second)):
                return f"<mfrac>{_row(self.read(first))}{_row(self.read(second))}</mfrac>", WHOLE
            case Operation(function="negate", arguments=(only,)):
                return f"<mo>&#8722;</mo>{self.read(only, PRODUCT)}", SUM
            case Operation(function=name, arguments=arguments):
                inside = "<mo>,</mo>".join(self.read(one) for one in arguments)
                return f"<mi>{FUNCTIONS.get(name, name)}</mi>{_brackets(inside)}", WHOLE
            case Constant(value=number):
                return f"<mn>{number:g}</mn>", WHOLE
        return self.atom(expression)

    times = "<mo>⊙</mo>"

    def sum(self, added: list[Expression]) -> str:
        """Terms; products by W and R that are added up share one bias."""
        products = [one for one in added if isinstance(one, Product) and one.line is None]
        blocks = dict.fromkeys(one.block for one in products if one.family in ("W", "R"))
        texts = [self.product(one) if one in products else self.read(one) for one in added]
        biases = [f"<msub><mi>b</mi>{_name(one)}</msub>" for one in blocks]
        return "<mo>+</mo>".join([*texts, *biases])

    def product(self, product: Product) -> str:
        matrix = _below(_bold(product.family), _name(product.block))
        return f"{matrix}<mspace width='0.15em'/>{self.read(product.operand, WHOLE)}"

    def atom(self, expression: Expression) -> tuple[str, int]:
        match expression:
            case Product(family="W" | "R" as family, block=block):
                bias = f"<msubsup><mi>b</mi>{_name(block)}<mi>{family}</mi></msubsup>"
                return f"{self.product(expression)}<mo>+</mo>{bias}", SUM
            case Product():
                return self.product(expression), PRODUCT
            case Normalised(group=group, operand=operand):
                alone = isinstance(operand, Product) and operand.line is None
                inside = self.product(operand) if alone else self.read(operand)  # type: ignore[arg-type]
                return f"<msub><mi>LN</mi><mi>{escape(group)}</mi></msub>{_brackets(inside)}", WHOLE
            case Previous(state=state, axis=axis):
                back = f"<msub><mi>e</mi><mn>{axis}</mn></msub>" if axis else "<mn>1</mn>"
                return _below(_name(state), _row(f"<mi>{self.at}</mi><mo>&#8722;</mo>{back}")), WHOLE
            case Vector(family=family, block=block):
                return f"<msub><mi>{escape(family)}</mi>{_name(block)}</msub>", WHOLE
            case Input():
                return _at(_bold("x"), self.at), WHOLE
        raise TypeError(f"no MathML for {expression}")


class _Numbers(_Letters):
    """The same with places for numbers; a line's products are told by what they came to."""

    times = "<mo>·</mo>"

    def __init__(self, at: str, line: str, cell: CellType) -> None:
        super().__init__(at)
        self.own, self.cell = line, cell

    def line(self, line: Expression) -> str | None:
        """A `<math>` for each term, so that a long sum can be broken; None where a number is missing."""
        try:
            if isinstance(line, Operation) and line.function in INVERSE and _opaque(line.arguments[0]):
                inside = f"<mn data-line='{escape(self.own)}' data-inside='{line.function}'></mn>"
                return _math(f"<mi>{FUNCTIONS.get(line.function, line.function)}</mi>{_brackets(inside)}")
            if isinstance(line, Operation) and line.function == "add":
                first, *others = (self.read(one) for one in terms(line))
                return " ".join(
                    [
                        _math(first),
                        *(
                            _math(f"<mo form='infix' lspace='0' rspace='0.25em'>+</mo>{one}")
                            for one in others
                        ),
                    ]
                )
            return _math(self.text(line)[0])
        except TypeError:
            return None

    def named(self, line: str) -> str:
        return f"<mn data-line='{escape(line)}'></mn>"

    def sum(self, added: list[Expression]) -> str:
        return "<mo>+</mo>".join(self.read(one) for one in added)

    def atom(self, expression: Expression) -> tuple[str, int]:
        if isinstance(expression, Previous):
            axis = f" data-axis='{expression.axis}'" if expression.axis else ""
            return f"<mn data-before='{escape(expression.state)}'{axis}></mn>", WHOLE
        raise TypeError("a trace does not hold it")


def _opaque(expression: Expression) -> bool:
    """Whether something in it is not in a trace: a product, a weight, a normalised value."""
    if expression.line is not None:
        return False
    if isinstance(expression, Product | Normalised | Vector | Input):
        return True
    return any(_opaque(one) for one in expression.operands)


def _math(text: str) -> str:
    return f"<math>{_row(text)}</math>"


def _row(text: str) -> str:
    return f"<mrow>{text}</mrow>"


def _brackets(text: str) -> str:
    return _row(f"<mo>(</mo>{text}<mo>)</mo>")


def _at(name: str, at: str) -> str:
    """A name with the letter of its step or position."""
    return _below(name, f"<mi>{at}</mi>")


def _below(name: str, below: str) -> str:
    """A name with something below; the number of its axis, if it has one, stands above that."""
    if name.startswith("<msup>"):
        letter, number = name.removeprefix("<msup>").removesuffix("</msup>").split("<mrow>")
        return f"<msubsup>{letter}{below}<mrow>{number}</msubsup>"
    return f"<msub>{name}{below}</msub>"


def _bold(name: str) -> str:
    return _name(name).replace("<mi>", "<mi class='bold'>", 1)


def _name(name: str) -> str:
    """A name of one letter as it is, with the number of its axis if it has one; a word upright."""
    numbered = NUMBERED.fullmatch(name)
    if numbered:
        letter, number = numbered.groups()
        return f"<msup><mi>{letter}</mi><mrow><mo>(</mo><mn>{number}</mn><mo>)</mo></mrow></msup>"
    return f"<mi>{escape(name)}</mi>"

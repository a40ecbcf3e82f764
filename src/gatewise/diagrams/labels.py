"""The texts of a diagram: formulas in a short markup, `W_{f}` and `h_{t−1}`, and their widths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape, unescape
from typing import ClassVar

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Expression, Previous, Product
from gatewise.cells.functions import FUNCTIONS
from gatewise.cells.printer import Binding, Operator, Printed
from gatewise.cells.typeset import NUMBERED, NUMBERED_FAMILY, TypesetPrinter

SUM, PRODUCT, MATRIX_PRODUCT, ATOM = Binding
RAISED = re.compile(r"([_^])\{([^}]*)\}")
LETTER = re.compile(r"(?<![A-Za-z0-9.])[A-Za-z](?![A-Za-z])")
SMALL = 0.72  # the size of subscripts and superscripts
NARROW, WIDE = "iljtfrI.,:;|'()[]· ", "mwMWΣ⊙⊗@+−=×÷⊤"

Words = Callable[[Expression], str | None]


def variable(name: str) -> str:
    """A name as a symbol; the number of its axis, if it has one, is raised.

    >>> variable("f"), variable("f_1")
    ('f', 'f^{(1)}')
    """
    return NUMBERED.sub(r"\1^{(\2)}", name) if NUMBERED.fullmatch(name) else name


def with_block(family: str, block: str) -> str:
    """A parameter: its family, with its block as a subscript.

    >>> with_block("W", "f"), with_block("R1", "f_2")
    ('W_{f}', 'R^{(1)}_{f(2)}')
    """
    raised = NUMBERED_FAMILY.fullmatch(family)
    letter = f"{raised[1]}^{{({raised[2]})}}" if raised else family
    return f"{letter}_{{{_flat(block, NUMBERED)}}}"


def bias(block: str, family: str = "") -> str:
    """The bias of a block, or that of the product by one family.

    >>> bias("f"), bias("f", "W")
    ('b_{f}', 'b^{W}_{f}')
    """
    raised = f"^{{{_flat(family, NUMBERED_FAMILY)}}}" if family else ""
    return f"b{raised}_{{{_flat(block, NUMBERED)}}}"


def _flat(name: str, numbered: re.Pattern[str]) -> str:
    """A name in a subscript or superscript, in which nothing can be raised."""
    found = numbered.fullmatch(name)
    return f"{found[1]}({found[2]})" if found else name


def function_name(function: str) -> str:
    """The name of a function as in a textbook."""
    signs = {"negate": "−", "sqrt": "√", "abs": "|·|", "keys": "keys"}
    return signs.get(function) or unescape(FUNCTIONS[function].mathml)


def label(cell: CellType, expression: Expression, words: Words) -> str:
    """A cell's expression as markup. words: what to write for an operand, or None for its own formula"""
    return _LabelPrinter(cell, words).printed(expression)[0]


class _LabelPrinter(TypesetPrinter):
    """Prints the formulas inside a diagram; values of this step have no subscript."""

    operators: ClassVar = {
        "subtract": Operator("{} − {}", SUM, (SUM, PRODUCT)),
        "multiply": Operator("{} ⊙ {}", PRODUCT, (PRODUCT, PRODUCT)),
        "divide": Operator("{} / {}", PRODUCT, (PRODUCT, MATRIX_PRODUCT)),
        "negate": Operator("−{}", SUM, (MATRIX_PRODUCT,)),
        "abs": Operator("|{}|", ATOM, (SUM,)),
        "sqrt": Operator("√{}", MATRIX_PRODUCT, (ATOM,)),
        "contract": Operator("{} {}", MATRIX_PRODUCT, (ATOM, ATOM)),
    }
    plus = " + "
    scales = " "
    times = " × "

    def __init__(self, cell: CellType, words: Words) -> None:
        super().__init__(cell)
        self.words = words

    def named(self, expression: Expression) -> Printed | None:
        word = self.words(expression)
        return None if word is None else (word, ATOM)

    def line(self, name: str) -> str:
        return variable(name)

    def brackets(self, text: str) -> str:
        return f"({text})"

    def function(self, name: str, arguments: list[str]) -> str:
        known = function_name(name) if name in FUNCTIONS or name == "keys" else name
        return f"{known}({', '.join(arguments)})"

    def matrix_product(self, product: Expression) -> str:
        assert isinstance(product, Product)
        return f"{with_block(product.family, product.block)} {self.operand(product.operand, ATOM)}"

    def key_scale(self) -> str:
        return "1/√K"

    def bias(self, block: str, family: str = "") -> str:
        return bias(block, family)

    def normalizer(self, group: str, inside: str) -> str:
        return f"LN_{{{group}}}({inside})"

    def previous(self, state: Previous) -> str:
        return previous_name(state)

    def vector(self, family: str, block: str) -> str:
        return with_block(family, block)

    def number(self, digits: str) -> str:
        mantissa, _, power = digits.replace("-", "−").partition("e")
        if not power:
            return mantissa
        power = power.replace("+", "").replace("−0", "−")
        return f"10^{{{power}}}" if mantissa == "1" else f"{mantissa}·10^{{{power}}}"

    def input(self) -> str:
        return "x_{t}"


def previous_name(state: Previous) -> str:
    """A state of the step or position before."""
    step = f"p−e{state.axis}" if state.axis else "t−1"
    return f"{variable(state.state)}_{{{step}}}"


def width(markup: str, size: float) -> float:
    """An upper estimate of the width of a text in pixels. size: of the font, in pixels"""
    return sum(_width(text) * size * (SMALL if place else 1.0) for place, text in _pieces(markup))


def tspans(markup: str, size: float) -> str:
    """The content of an SVG `<text>`: single letters in italics, subscripts lowered, superscripts raised."""
    found = []
    for place, text in _pieces(markup):
        if not place:
            found.append(_italic(text))
            continue
        shift = size * (0.28 if place == "_" else -0.38)
        back = f'<tspan dy="{-shift:.1f}">​</tspan>'  # a space without width returns to the line
        inner = f'<tspan dy="{shift:.1f}" font-size="{size * SMALL:.1f}">{_italic(text)}</tspan>'
        found.append(inner + back)
    return "".join(found)


def plain(markup: str) -> str:
    """A markup as text without subscripts, as a tooltip has it."""
    return RAISED.sub(lambda found: found[1] + found[2], markup)


def _pieces(markup: str) -> Iterator[tuple[str, str]]:
    """Texts with their places: `""` on the line, `_` below, `^` above."""
    end = 0
    for found in RAISED.finditer(markup):
        if found.start() > end:
            yield "", markup[end : found.start()]
        yield found[1], found[2]
        end = found.end()
    if end < len(markup):
        yield "", markup[end:]


def _italic(text: str) -> str:
    return LETTER.sub(r'<tspan font-style="italic">\g<0></tspan>', escape(text))


def _width(text: str) -> float:
    """In units of the size of the font, as wide as the widest of the common serif fonts."""
    return sum(0.4 if one in NARROW else 0.95 if one in WIDE else 0.66 for one in text)

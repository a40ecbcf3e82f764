"""A cell's equations typeset, as LaTeX."""

from __future__ import annotations

import re
from typing import ClassVar

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Expression, Previous, Product
from gatewise.cells.functions import FUNCTIONS
from gatewise.cells.printer import Binding, Operator
from gatewise.cells.typeset import NUMBERED, NUMBERED_FAMILY, TypesetPrinter

SUM, PRODUCT, MATRIX_PRODUCT, ATOM = Binding


def latex(cell: CellType) -> str:
    """All equations of a cell as one `aligned` block; a sum with products by W and R has one bias.

    Of a lattice's cell, `f_1` is written `f^{(1)}`, and the position p - e_1 is one back along axis 1.

    >>> from gatewise.cells import RNN
    >>> print(latex(RNN))
    \\begin{aligned}
    h_{t} &= \\tanh\\left(W_{h} x_{t} + R_{h} h_{t-1} + b_{h}\\right)
    \\end{aligned}
    """
    printer = LatexPrinter(cell)
    lines = [f"{printer.line(name)} &= {printer.printed(line)[0]}" for name, line in cell.lines.items()]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


class LatexPrinter(TypesetPrinter):
    """Prints LaTeX in mathematics mode."""

    operators: ClassVar = {
        "subtract": Operator("{} - {}", SUM, (SUM, PRODUCT)),
        "multiply": Operator(r"{} \odot {}", PRODUCT, (PRODUCT, PRODUCT)),
        "divide": Operator(r"\frac{{{}}}{{{}}}", ATOM, (SUM, SUM)),
        "negate": Operator("-{}", SUM, (PRODUCT,)),
        "abs": Operator(r"\left|{}\right|", ATOM, (SUM,)),
        "sqrt": Operator(r"\sqrt{{{}}}", ATOM, (SUM,)),
        "contract": Operator(r"{} {}", MATRIX_PRODUCT, (ATOM, ATOM)),
        "outer": Operator(r"{} {{{}}}^{{\top}}", MATRIX_PRODUCT, (ATOM, ATOM)),
        "dot": Operator(r"{{{}}}^{{\top}} {}", MATRIX_PRODUCT, (ATOM, ATOM)),
        "keys": Operator(r"\mathbf{{1}} {{{}}}^{{\top}}", MATRIX_PRODUCT, (ATOM,)),
    }
    plus = " + "
    scales = r"\,"
    times = r" \cdot "

    def line(self, name: str) -> str:
        return f"{_symbol(name)}_{{{self.at}}}"

    def brackets(self, text: str) -> str:
        return rf"\left({text}\right)"

    def function(self, name: str, arguments: list[str]) -> str:
        return FUNCTIONS[name].latex + self.brackets(", ".join(arguments))

    def matrix_product(self, product: Expression) -> str:
        assert isinstance(product, Product)
        matrix = f"{_family(product.family)}_{{{_symbol(product.block)}}}"
        return f"{matrix} {self.operand(product.operand, ATOM)}"

    def key_scale(self) -> str:
        return r"\frac{1}{\sqrt{K}}"

    def bias(self, block: str, family: str = "") -> str:
        return f"b^{{{_family(family)}}}_{{{_symbol(block)}}}" if family else f"b_{{{_symbol(block)}}}"

    def normalizer(self, group: str, inside: str) -> str:
        return rf"\mathrm{{LN}}_{{{_symbol(group)}}}" + self.brackets(inside)

    def previous(self, state: Previous) -> str:
        step = f"e_{{{state.axis}}}" if state.axis else "1"
        return f"{_symbol(state.state)}_{{{self.at}-{step}}}"

    def vector(self, family: str, block: str) -> str:
        return f"{_family(family)}_{{{_symbol(block)}}}"

    def number(self, digits: str) -> str:
        return digits

    def input(self) -> str:
        return f"x_{{{self.at}}}"


def _symbol(name: str, numbered: re.Pattern[str] = NUMBERED) -> str:
    """A name of one letter as it is, with the number of its axis if it has one; a word upright."""
    found = numbered.fullmatch(name)
    if found:
        return f"{found[1]}^{{({found[2]})}}"
    upright = name.replace("_", r"\_")
    return name if len(name) == 1 else rf"\mathrm{{{upright}}}"


def _family(name: str) -> str:
    return _symbol(name, NUMBERED_FAMILY)

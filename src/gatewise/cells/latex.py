"""A cell's equations typeset, as LaTeX."""

from __future__ import annotations

import re

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
from gatewise.cells.traversal import terms

FUNCTIONS = {
    "sigmoid": r"\sigma", "tanh": r"\tanh", "relu": r"\mathrm{relu}", "softplus": r"\mathrm{softplus}",
    "exp": r"\exp", "maximum": r"\max",
}  # fmt: skip
NUMBERED = re.compile(r"([A-Za-z])_?([1-9])")  # f_1, R1
SUM, PRODUCT, WHOLE = 1, 2, 3  # how tightly a text holds together


def latex(cell: CellType) -> str:
    """All equations of a cell as one `aligned` block; a sum with products by W and R has one bias.

    Of a lattice's cell, `f_1` is written `f^{(1)}`, and the position p - e_1 is one back along axis 1.

    >>> from gatewise.cells import RNN
    >>> print(latex(RNN))
    \\begin{aligned}
    h_{t} &= \\tanh\\left(W_{h} x_{t} + R_{h} h_{t-1} + b_{h}\\right)
    \\end{aligned}
    """
    at = "p" if cell.of_lattice else "t"
    lines = [rf"{_symbol(name)}_{{{at}}} &= {_text(line, at)[0]}" for name, line in cell.lines.items()]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _text(expression: Expression, at: str) -> tuple[str, int]:
    """An expression at the step or position of that letter, and how tightly it holds together."""
    match expression:
        case Operation(function="add"):
            added = list(terms(expression))
            products = [one for one in added if isinstance(one, Product) and one.line is None]
            blocks = dict.fromkeys(one.block for one in products if one.family in ("W", "R"))
            texts = [_product(one, at) if one in products else _read(one, at) for one in added]
            return " + ".join([*texts, *(f"b_{{{_name(one)}}}" for one in blocks)]), SUM
        case Operation(function="subtract", arguments=(first, second)):
            return f"{_read(first, at)} - {_read(second, at, PRODUCT)}", SUM
        case Operation(function="multiply", arguments=(first, second)):
            sign = r"\," if isinstance(first, Constant) or isinstance(second, Constant) else r" \odot "
            return f"{_read(first, at, PRODUCT)}{sign}{_read(second, at, PRODUCT)}", PRODUCT
        case Operation(function="divide", arguments=(first, second)):
            return rf"\frac{{{_read(first, at)}}}{{{_read(second, at)}}}", WHOLE
        case Operation(function="negate", arguments=(only,)):
            return f"-{_read(only, at, PRODUCT)}", SUM
        case Operation(function=name, arguments=arguments):
            return rf"{FUNCTIONS[name]}\left({', '.join(_read(one, at) for one in arguments)}\right)", WHOLE
        case Product(family="W" | "R" as family, block=block):
            return f"{_product(expression, at)} + b^{{{family}}}_{{{_name(block)}}}", SUM
        case Product():
            return _product(expression, at), PRODUCT
        case Normalised(group=group, operand=operand):
            alone = isinstance(operand, Product) and operand.line is None  # it adds a shift, and no bias
            inside = _product(operand, at) if alone else _read(operand, at)
            return rf"\mathrm{{LN}}_{{\mathrm{{{_name(group)}}}}}\left({inside}\right)", WHOLE
        case Previous(state=state, axis=axis):
            return f"{_symbol(state)}_{{{at}-{f'e_{{{axis}}}' if axis else '1'}}}", WHOLE
        case Vector(family=family, block=block):
            return f"{_symbol(family)}_{{{_name(block)}}}", WHOLE
        case Constant(value=number):
            return f"{number:g}", WHOLE
        case Input():
            return f"x_{{{at}}}", WHOLE
    raise TypeError(f"no LaTeX for {expression}")


def _read(expression: Expression, at: str, least: int = SUM) -> str:
    """An operand: its line's name, or its text, in brackets where it holds together less than it must."""
    if expression.line is not None:
        return f"{_symbol(expression.line)}_{{{at}}}"
    text, strength = _text(expression, at)
    return text if strength >= least else rf"\left({text}\right)"


def _product(product: Expression, at: str) -> str:
    """A matrix times its operand, without a bias."""
    assert isinstance(product, Product)
    return f"{_symbol(product.family)}_{{{_name(product.block)}}} {_read(product.operand, at, WHOLE)}"


def _symbol(name: str) -> str:
    """A name of one letter as it is, with the number of its axis if it has one; a word upright."""
    return _name(name) if len(name) == 1 or NUMBERED.fullmatch(name) else rf"\mathrm{{{_name(name)}}}"


def _name(name: str) -> str:
    return NUMBERED.sub(r"\1^{(\2)}", name) if NUMBERED.fullmatch(name) else name.replace("_", r"\_")

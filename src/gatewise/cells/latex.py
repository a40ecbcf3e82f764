"""A cell's equations typeset, as LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewise.cells.notation import (
    Constant,
    Expression,
    Input,
    Normalised,
    Operation,
    Previous,
    Product,
    Vector,
)
from gatewise.cells.order import terms

if TYPE_CHECKING:
    from gatewise.cells.base import CellType

FUNCTIONS = {
    "sigmoid": r"\sigma", "tanh": r"\tanh", "relu": r"\mathrm{relu}", "softplus": r"\mathrm{softplus}",
    "exp": r"\exp", "maximum": r"\max",
}  # fmt: skip
SUM, PRODUCT, WHOLE = 1, 2, 3  # how tightly a text holds together


def latex(cell: CellType) -> str:
    """All equations of a cell as one `aligned` block; a sum with products by W and R has one bias.

    >>> from gatewise.cells import RNN
    >>> print(latex(RNN))
    \\begin{aligned}
    h_{t} &= \\tanh\\left(W_{h} x_{t} + R_{h} h_{t-1} + b_{h}\\right)
    \\end{aligned}
    """
    lines = [rf"{_symbol(name)}_{{t}} &= {_text(line)[0]}" for name, line in cell.lines.items()]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _text(expression: Expression) -> tuple[str, int]:
    match expression:
        case Operation(function="add"):
            added = list(terms(expression))
            products = [one for one in added if isinstance(one, Product) and one.line is None]
            blocks = dict.fromkeys(one.block for one in products if one.family in ("W", "R"))
            texts = [_product(one) if one in products else _read(one) for one in added]
            return " + ".join([*texts, *(f"b_{{{_name(one)}}}" for one in blocks)]), SUM
        case Operation(function="subtract", arguments=(first, second)):
            return f"{_read(first)} - {_read(second, PRODUCT)}", SUM
        case Operation(function="multiply", arguments=(first, second)):
            sign = r"\," if isinstance(first, Constant) or isinstance(second, Constant) else r" \odot "
            return f"{_read(first, PRODUCT)}{sign}{_read(second, PRODUCT)}", PRODUCT
        case Operation(function="divide", arguments=(first, second)):
            return rf"\frac{{{_read(first)}}}{{{_read(second)}}}", WHOLE
        case Operation(function="negate", arguments=(only,)):
            return f"-{_read(only, PRODUCT)}", SUM
        case Operation(function=name, arguments=arguments):
            return rf"{FUNCTIONS[name]}\left({', '.join(map(_read, arguments))}\right)", WHOLE
        case Product(family="W" | "R" as family, block=block):
            return f"{_product(expression)} + b^{{{family}}}_{{{_name(block)}}}", SUM
        case Product():
            return _product(expression), PRODUCT
        case Normalised(group=group, operand=operand):
            alone = isinstance(operand, Product) and operand.line is None  # it adds a shift, and no bias
            inside = _product(operand) if alone else _read(operand)
            return rf"\mathrm{{LN}}_{{\mathrm{{{_name(group)}}}}}\left({inside}\right)", WHOLE
        case Previous(state=state, axis=axis):
            return f"{_symbol(state)}^{{p-e_{{{axis}}}}}" if axis else f"{_symbol(state)}_{{t-1}}", WHOLE
        case Vector(family=family, block=block):
            return f"{_symbol(family)}_{{{_name(block)}}}", WHOLE
        case Constant(value=number):
            return f"{number:g}", WHOLE
        case Input():
            return "x_{t}", WHOLE
    raise TypeError(f"no LaTeX for {expression}")


def _read(expression: Expression, least: int = SUM) -> str:
    """An operand: its line's name, or its text, in brackets where it holds together less than it must."""
    if expression.line is not None:
        return f"{_symbol(expression.line)}_{{t}}"
    text, strength = _text(expression)
    return text if strength >= least else rf"\left({text}\right)"


def _product(product: Expression) -> str:
    """A matrix times its operand, without a bias."""
    assert isinstance(product, Product)
    return f"{_symbol(product.family)}_{{{_name(product.block)}}} {_read(product.operand, WHOLE)}"


def _symbol(name: str) -> str:
    """A name of one letter as it is, a word upright."""
    return name if len(name) == 1 else rf"\mathrm{{{_name(name)}}}"


def _name(name: str) -> str:
    return name.replace("_", r"\_")

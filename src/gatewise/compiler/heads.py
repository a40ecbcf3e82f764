"""Cells with heads, for engines without: matrices of units in place of matrices of heads."""

from __future__ import annotations

from functools import cache

from gatewise.cells.base import Cell, CellType
from gatewise.cells.expressions import Expression, KeyScale, Operation, Product, Vector
from gatewise.cells.functions import BY_HEAD
from gatewise.cells.traversal import inside
from gatewise.compiler.layout import bias_name, layout
from gatewise.compiler.program import rebuilt

KEY_SCALE = "key_scale"  # the parameter of `for_units`


@cache
def by_head(cell: CellType) -> str | None:
    """The first function of a cell between the units of a head, or None.

    >>> from gatewise.cells import LSTM, MLSTM
    >>> by_head(LSTM), by_head(MLSTM)
    (None, 'outer')
    """
    found = (one for line in cell.lines.values() for one in inside(line) if isinstance(one, Operation))
    return next((one.function for one in found if one.function in BY_HEAD), None)


@cache
def depends_on_heads(cell: CellType) -> bool:
    """Whether a value of the cell depends on the number of heads, beside matrices of hidden values."""
    every = [one for line in cell.lines.values() for one in inside(line)]
    return any(isinstance(one, KeyScale) or (isinstance(one, Product) and one.per_head) for one in every)


@cache
def has_heads(cell: CellType) -> bool:
    """Whether heads change anything: a unit reads another one, or its head's matrix.

    >>> from gatewise.cells import HGRN2, LSTM, SRU
    >>> has_heads(LSTM), has_heads(HGRN2), has_heads(SRU)
    (True, True, False)
    """
    of_units = any(one.multiplies_hidden for one in layout(cell).parameters)
    return of_units or by_head(cell) is not None or depends_on_heads(cell)


@cache
def for_units(cell: CellType) -> CellType:
    """The same cell with a row for each unit in place of each head, and vectors in place of other numbers.

    A product by head adds its bias as a vector, `bias_w` of the family `w`; `key_scale` is a vector, too.
    """

    def changed(expression: Expression) -> Expression:
        match expression:
            case KeyScale():
                return Vector(KEY_SCALE, "k")
            case Product(family=family, block=block, operand=operand, per_head=True):
                whole = Product(family, block, operand if operand.line else changed(operand))
                return whole + Vector(str(bias_name(expression)), block)
        return rebuilt(expression, changed)

    return derived(cell, {name: changed(line) for name, line in cell.lines.items()}, cell.state)


def derived(cell: CellType, lines: dict[str, Expression], state: tuple[str, ...]) -> CellType:
    """A cell of changed lines, with the name and gates of another."""
    gates = [name for name in cell.named_gates if name in lines]
    return CellType(cell.__name__, (Cell,), {"__doc__": cell.about, "state": state, "gates": gates, **lines})

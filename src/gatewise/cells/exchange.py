"""Equations as plain data, so that a saved model brings its own cell and no code.

A line is a nested list, operator first: `f * prev.c` is `["multiply", ["line", "f"], ["prev", "c"]]`.
"""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Callable
from typing import Any

from gatewise.cells import notation
from gatewise.cells.base import Cell, CellType
from gatewise.cells.notation import (
    Constant,
    Expression,
    Factor,
    Input,
    Normalised,
    Operation,
    Previous,
    Product,
    Vector,
)
from gatewise.errors import GatewiseError


def to_data(cell: CellType) -> dict[str, Any]:
    """A cell as numbers, strings, lists and dicts, fit for JSON."""
    return {
        "name": cell.__name__,
        "about": cell.about,
        "source": cell.source,
        "state": list(cell.state),
        "start": dict(cell.start),
        "lines": {name: as_list(line) for name, line in cell.lines.items()},
    }


def from_data(data: Any) -> CellType:
    """The cell that `to_data` wrote. Nothing in the data is executed.

    >>> from gatewise.cells import LSTM
    >>> from_data(to_data(LSTM))
    LSTM(state: h, c; gates: i, f, o)

    Errors: `GatewiseError` where the data is no cell.
    """
    try:
        lines: dict[str, Expression] = {}
        for name, line in data["lines"].items():
            lines[str(name)] = from_list(line, lines)
        body = {
            "__doc__": str(data["about"]),
            "source": str(data["source"]),
            "state": tuple(map(str, data["state"])),
            "start": {str(gate): float(value) for gate, value in data["start"].items()},
            **lines,
        }
        return CellType(str(data["name"]), (Cell,), body)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise GatewiseError(f"this is not the equations of a cell: {error}") from error


def as_list(expression: Expression) -> list[Any]:
    """An expression as a nested list: two that are built alike give the same."""

    def read(operand: Expression) -> list[Any]:
        return as_list(operand) if operand.line is None else ["line", operand.line]

    match expression:
        case Operation(function=function, arguments=arguments):
            return [function, *map(read, arguments)]
        case Product(family=family, block=block, operand=operand):
            return ["product", family, block, read(operand)]
        case Normalised(group=group, operand=operand):
            return ["normalise", group, read(operand)]
        case Vector(family=family, block=block):
            return ["vector", family, block]
        case Previous(state=state, axis=axis):
            return ["prev", state, axis] if axis else ["prev", state]
        case Factor(name=name):
            return ["factor", name]
        case Constant(value=value):
            return ["number", value]
        case Input():
            return ["x"]
    raise TypeError(f"no data for {expression}")


def from_list(data: Any, lines: dict[str, Expression]) -> Expression:
    def read(operand: Any) -> Expression:
        return from_list(operand, lines)

    makers: dict[str, Callable[..., Expression]] = {
        "line": lambda name: lines[name],
        "product": lambda family, block, operand: Product(str(family), str(block), read(operand)),
        "normalise": lambda group, operand: Normalised(str(group), read(operand)),
        "vector": lambda family, block: Vector(str(family), str(block)),
        "prev": lambda state, axis=0: notation.back[int(axis)][str(state)],
        "number": lambda value: Constant(float(value)),
        "x": lambda: notation.x,
    }
    function, *operands = data
    if function in makers:
        return makers[function](*operands)
    return Operation(str(function), tuple(map(read, operands)))


def _pickled(cell: CellType) -> Any:
    """A cell that can be imported goes by its name, any other by its equations."""
    found = getattr(sys.modules.get(cell.__module__), cell.__qualname__, None)
    return cell.__qualname__ if found is cell else (from_data, (to_data(cell),))


copyreg.pickle(CellType, _pickled)

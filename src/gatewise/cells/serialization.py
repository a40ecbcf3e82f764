"""Equations as plain data, so that a saved model contains its cell without code.

A line is a nested list, operator first: `f * prev.c` is `["multiply", ["line", "f"], ["prev", "c"]]`.
"""

from __future__ import annotations

import copyreg
import reprlib
import sys
from typing import Any

from gatewise.cells import notation
from gatewise.cells.base import Cell, CellType
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
from gatewise.cells.initial_values import Initial
from gatewise.cells.limits import (
    LONGEST_TEXT,
    MOST_DEPTH,
    MOST_LINES,
    MOST_PARTS,
    check_cell_name,
    check_name,
    check_number,
)
from gatewise.errors import GatewiseError

KEYS = ("name", "about", "source", "state", "start", "lines")  # of the data; "start" is the initial bias
MORE_KEYS = ("gates", "vectors")  # only if the cell names gates, or gives initial values of vectors
WORDS = (
    "line", "product", "product by head", "normalise", "vector", "prev", "number", "x", "uniform", "position",
    "key scale", "factor",
)  # fmt: skip


def to_data(cell: CellType) -> dict[str, Any]:
    """A cell as JSON-compatible data."""
    vectors = {f"{one.family}.{one.block}": _initial(value) for one, value in cell.initial_vectors.items()}
    gates = [name for name in cell.named_gates if name in cell.lines]
    return {
        "name": cell.__name__,
        "about": cell.about,
        "source": cell.source,
        "state": list(cell.state),
        "start": {name: _initial(value) for name, value in cell.initial_bias.items()},
        "lines": {name: as_list(line) for name, line in cell.lines.items()},
        **({"gates": gates} if gates else {}),
        **({"vectors": vectors} if vectors else {}),
    }


def _initial(value: Initial) -> float | list[Any]:
    return as_list(value) if isinstance(value, Expression) else value


def from_data(data: Any) -> CellType:
    """The cell from the data of `to_data`. Nothing in the data is executed.

    >>> from gatewise.cells import LSTM
    >>> from_data(to_data(LSTM))
    LSTM(state: h, c; gates: i, f, o)

    Raises: `GatewiseError` if the data is no cell.
    """
    match data:
        case {
            "name": str(name), "about": str(about), "source": str(source), "state": [*state],
            "start": dict(initial_bias), "lines": dict(lines),
        } if set(data) <= {*KEYS, *MORE_KEYS}:  # fmt: skip
            gates, vectors = data.get("gates", []), data.get("vectors", {})
        case _:
            raise GatewiseError(
                f"this is not the equations of a cell: expected {', '.join(KEYS)}, got {reprlib.repr(data)}"
            )
    check_cell_name(name)
    if len(lines) > MOST_LINES:
        raise GatewiseError(f"{name} has {len(lines)} lines; a cell may have at most {MOST_LINES}")
    reader = _Reader(name)
    for key, line in lines.items():
        reader.lines[check_name(f"a line of {name}", key)] = reader.read(line)
    if not isinstance(gates, list) or not isinstance(vectors, dict):
        raise GatewiseError(f"the equations of {name} have gates or vectors that are not names and values")
    body = {
        "__doc__": _plain(about),
        "source": _plain(source),
        "state": tuple(check_name(f"a state of {name}", one) for one in state),
        "initial_bias": {key: reader.initial(value) for key, value in initial_bias.items()},
        "initial_vectors": {reader.vector(key): reader.initial(value) for key, value in vectors.items()},
        "gates": gates,
        **reader.lines,
    }
    return CellType(name, (Cell,), body)


def _plain(text: str) -> str:
    """A description in one line of bounded length, without control characters."""
    return "".join(one for one in text[:LONGEST_TEXT] if one.isprintable())


def as_list(expression: Expression) -> list[Any]:
    """An expression as a nested list, equal for expressions of the same structure."""

    def read(operand: Expression) -> list[Any]:
        return as_list(operand) if operand.line is None else ["line", operand.line]

    match expression:
        case Operation(function=function, arguments=arguments):
            return [function, *map(read, arguments)]
        case Product(family=family, block=block, operand=operand, per_head=per_head):
            return ["product by head" if per_head else "product", family, block, read(operand)]
        case Normalized(group=group, operand=operand):
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
        case KeyScale():
            return ["key scale"]
        case Uniform():
            return ["uniform"]
        case Position():
            return ["position"]
    raise TypeError(f"no data for {expression}")


class _Reader:
    """Reads lines, which may refer to earlier ones, within the limits of a cell."""

    def __init__(self, cell: str) -> None:
        self.cell, self.parts = cell, 0
        self.lines: dict[str, Expression] = {}
        self.vectors: dict[str, Vector] = {}

    def initial(self, data: Any) -> Initial:
        """An initial value: a number, or an equation."""
        is_equation = isinstance(data, list) and data and isinstance(data[0], str)
        return self.read(data) if is_equation else check_number(data)

    def vector(self, name: str) -> Vector:
        """The vector `family.block`, always the same."""
        family, _, block = name.partition(".")
        family, block = check_name("a family", family), check_name("a block", block)
        return self.vectors.setdefault(name, Vector(family, block))

    def read(self, data: Any, depth: int = 1) -> Expression:
        self.parts += 1
        if depth > MOST_DEPTH or self.parts > MOST_PARTS:
            raise GatewiseError(
                f"the equations of {self.cell} are nested more than {MOST_DEPTH} deep or have more than "
                f"{MOST_PARTS} parts"
            )
        match data:
            case ["line", str(name)] if name in self.lines:
                return self.lines[name]
            case ["product" | "product by head" as kind, str(family), str(block), operand]:
                family, block = check_name("a family", family), check_name("a block", block)
                return Product(family, block, self.read(operand, depth + 1), kind == "product by head")
            case ["normalise", str(group), operand]:
                return Normalized(check_name("a normalizer", group), self.read(operand, depth + 1))
            case ["vector", str(family), str(block)]:
                return self.vector(f"{family}.{block}")
            case ["prev", str(state)]:
                return notation.prev[check_name("a state", state)]
            case ["prev", str(state), axis]:
                return notation.back[axis][check_name("a state", state)]
            case ["number", value]:
                return Constant(value)
            case ["x"]:
                return notation.x
            case ["key scale"]:
                return notation.key_scale
            case ["factor", "elapsed"]:
                return notation.elapsed
            case ["uniform"]:
                return notation.uniform
            case ["position"]:
                return notation.position
            case [str(function), *operands] if function not in WORDS:
                return Operation(function, tuple(self.read(one, depth + 1) for one in operands))
        raise GatewiseError(
            f"the equations of {self.cell} contain {reprlib.repr(data)}, which is not an expression"
        )


def _pickled(cell: CellType) -> Any:
    """Pickles an importable cell by its name, any other by its equations."""
    found = getattr(sys.modules.get(cell.__module__), cell.__qualname__, None)
    return cell.__qualname__ if found is cell else (from_data, (to_data(cell),))


copyreg.pickle(CellType, _pickled)

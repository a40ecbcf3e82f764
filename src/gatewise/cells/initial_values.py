"""Initial values of biases and vectors: numbers, or equations of `uniform` and `position`."""

from __future__ import annotations

from collections.abc import Mapping

from gatewise.cells.expressions import (
    Constant,
    Expression,
    Operation,
    Position,
    Uniform,
    Vector,
    as_expression,
)
from gatewise.cells.limits import MOST_DEPTH, MOST_PARTS
from gatewise.cells.traversal import fits, inside
from gatewise.errors import GatewiseError

Initial = float | Expression


def initial_value(what: str, value: Initial) -> Initial:
    """An initial value that is checked: a number, or an equation.

    what: its name, for the message

    Raises: `GatewiseError` if it is not made of numbers, functions, `uniform` and `position`.
    """
    expression = as_expression(value)
    if not fits(expression):
        raise GatewiseError(
            f"{what} starts with an equation nested more than {MOST_DEPTH} deep or of more than {MOST_PARTS} "
            "parts; simplify it"
        )
    for one in inside(expression):
        if one.line is not None or not isinstance(one, Operation | Constant | Uniform | Position):
            raise GatewiseError(
                f"{what} starts with {expression!r}; an initial value is an equation of numbers, uniform "
                "and position"
            )
    return expression.value if isinstance(expression, Constant) else expression


def initial_vectors(
    cell: str,
    given: Mapping[Vector, Initial],
    lines: Mapping[str, Expression],
    all_lines: Mapping[str, Expression],
) -> dict[Vector, Initial]:
    """The initial values of those vectors that the states need.

    lines, all_lines: those that the states need, and all

    Raises: `GatewiseError` if a key is not a vector of the cell, such as `p.a`.
    """

    def vectors(of: Mapping[str, Expression]) -> set[Expression]:
        return {one for line in of.values() for one in inside(line) if isinstance(one, Vector)}

    known, needed = vectors(all_lines), vectors(lines)
    for vector in given:
        if vector not in known:
            raise GatewiseError(f"{cell}.initial_vectors names {vector!r}, which is not a vector of the cell")
    return {
        vector: initial_value(f"{cell}: {vector!r}", value)
        for vector, value in given.items()
        if vector in needed
    }

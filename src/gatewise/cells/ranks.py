"""Which values of a cell are vectors, a number for each unit, and which matrices, one for each unit and key.

Units are divided into heads, and each unit has as many keys as its head has units.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatewise.cells.expressions import Expression, Normalized, Operation, Previous, Product
from gatewise.cells.traversal import inside
from gatewise.errors import GatewiseError

OF_VECTORS = (
    "outer",
    "dot",
    "keys",
    "contract",
)  # functions of vectors; the first value of `contract` is a matrix
Lines = Mapping[str, Expression]


def matrix_lines(lines: Lines) -> frozenset[str]:
    """The lines that are matrices.

    lines: of a cell, in the order of computation
    """
    found: set[str] = set()
    while True:
        more = {name for name, line in lines.items() if is_matrix(line, found, own=True)} - found
        if not more:
            return frozenset(found)
        found |= more


def is_matrix(expression: Expression, known: set[str] | frozenset[str], own: bool = False) -> bool:
    """Whether an expression is a matrix. known: the lines that are; own: whether it is a line itself"""
    if expression.line is not None and not own:
        return expression.line in known
    match expression:
        case Operation(function="outer" | "keys"):
            return True
        case Operation(function="contract" | "dot"):
            return False
        case Operation(arguments=arguments):
            return any(is_matrix(one, known) for one in arguments)
        case Previous(state=state):
            return state in known
    return False


def check_ranks(cell: str, lines: Lines, found: frozenset[str], state: tuple[str, ...]) -> tuple[str, ...]:
    """The states that are matrices. Raises: `GatewiseError` if a matrix occurs where a vector is needed.

    found: the lines that are matrices
    """
    if state[0] in found:
        raise GatewiseError(
            f"the output {state[0]} of {cell} is a matrix; it is to be a vector, such as one that is read "
            f"from the matrix: {state[0]} = C @ q"
        )
    for name, line in lines.items():
        for part in inside(line):
            for number, one in enumerate(_vectors(part)):
                if is_matrix(one, found):
                    what = f"value {number + 1} of {part!r}"
                    raise GatewiseError(f"{cell}.{name}: {what} is a matrix; it is to be a vector of units")
            match part:
                case Operation(function="contract", arguments=(first, _)) if not is_matrix(first, found):
                    raise GatewiseError(
                        f"{cell}.{name}: {first!r} is a vector; @ reads a matrix such as outer(v, k)"
                    )
    return tuple(name for name in state if name in found)


def _vectors(expression: Expression) -> tuple[Expression, ...]:
    """The operands that must be vectors."""
    match expression:
        case Product(operand=operand) | Normalized(operand=operand):
            return (operand,)
        case Operation(function="contract", arguments=(_, keys)):
            return (keys,)
        case Operation(function=name, arguments=arguments) if name in OF_VECTORS:
            return arguments
    return ()

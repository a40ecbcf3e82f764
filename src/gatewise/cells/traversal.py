"""Traversal of expressions: the parts of a line, its size, the terms of a sum."""

from __future__ import annotations

from collections.abc import Iterator

from gatewise.cells.expressions import Expression, Operation
from gatewise.cells.limits import MOST_DEPTH, MOST_PARTS


def parts(line: Expression) -> Iterator[Expression]:
    """Every expression below a line, down to the lines that it reads (included, but not entered)."""
    for operand in line.operands:
        yield operand
        if operand.line is None:
            yield from parts(operand)


def extent(line: Expression) -> tuple[int, int]:
    """The depth of a line and the number of its parts; a shared part counts at each use.

    Without recursion, and each object is visited once: a line that is not yet checked may have any size.
    """
    known: dict[Expression, tuple[int, int]] = {}
    waiting = [line]
    while waiting:
        one = waiting[-1]
        below = one.operands if one is line or one.line is None else ()
        unknown = [part for part in below if part not in known]
        if unknown:
            waiting += unknown
            continue
        waiting.pop()
        sizes = [known[part] for part in below]
        known[one] = (1 + max((depth for depth, _ in sizes), default=0), 1 + sum(count for _, count in sizes))
    return known[line]


def fits(line: Expression) -> bool:
    """Whether a line is within the limits of printing and compilation."""
    depth, count = extent(line)
    return depth <= MOST_DEPTH and count <= MOST_PARTS


def inside(line: Expression) -> Iterator[Expression]:
    """A line and every expression below it, except the lines that it reads."""
    yield line
    yield from (part for part in parts(line) if part.line is None)


def contains(expression: Expression, value: Expression) -> bool:
    """Whether an expression is or contains a given object; lines that it reads are not entered."""
    return expression is value or any(part is value for part in parts(expression))


def terms(total: Expression) -> Iterator[Expression]:
    """The terms of a sum, nested sums expanded."""
    for one in total.operands:
        if one.line is None and isinstance(one, Operation) and one.function == "add":
            yield from terms(one)
        else:
            yield one

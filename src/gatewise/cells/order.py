"""The order in which a cell's lines are computed: each after all that it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gatewise.cells.limits import MOST_DEPTH, MOST_PARTS
from gatewise.cells.notation import Expression, Normalised, Operation, Previous
from gatewise.errors import GatewiseError

Lines = Mapping[str, Expression]


def parts(line: Expression) -> Iterator[Expression]:
    """Every expression below a line, down to the lines that it reads (those included, not entered)."""
    for operand in line.operands:
        yield operand
        if operand.line is None:
            yield from parts(operand)


def extent(line: Expression) -> tuple[int, int]:
    """The depth of a line and the number of its parts; one that is shared counts wherever it is read.

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
    """Whether a line is within the limits of what is printed and compiled."""
    depth, count = extent(line)
    return depth <= MOST_DEPTH and count <= MOST_PARTS


def inside(line: Expression) -> Iterator[Expression]:
    """A line and every expression below it, the lines that it reads left out."""
    yield line
    yield from (part for part in parts(line) if part.line is None)


def contains(expression: Expression, value: Expression) -> bool:
    """Whether an expression is, or is made of, that very value; lines that it reads are not entered."""
    return expression is value or any(part is value for part in parts(expression))


def terms(total: Expression) -> Iterator[Expression]:
    """The terms of a sum, sums within it opened."""
    for one in total.operands:
        if one.line is None and isinstance(one, Operation) and one.function == "add":
            yield from terms(one)
        else:
            yield one


def in_order(cell: str, written: Lines, state: tuple[str, ...]) -> Lines:
    """Those of the written lines that the states need, in an order in which they can be computed.

    Errors: `GatewiseError` for a state without a line, a line that reads what is not there, a circle.
    """
    if not state:
        raise GatewiseError(f'{cell} names no state; write state = ("h",), the output first')
    for name in state:
        if name not in written:
            raise GatewiseError(f"{cell} has a state {name!r} but no line {name} = ...")
    waiting, needed = list(state), dict[str, Expression]()
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = written[name]
            waiting += _read_lines(cell, name, written, state)
    reads = _reads(cell, {name: written[name] for name in written if name in needed}, state)
    return {name: written[name] for name in _sorted(cell, reads)}


def _read_lines(cell: str, name: str, written: Lines, state: tuple[str, ...]) -> list[str]:
    """The lines that a line reads, each there to be read."""
    found = []
    for part in parts(written[name]):
        if isinstance(part, Previous) and part.state not in state:
            raise GatewiseError(
                f"{cell}.{name} reads prev.{part.state}, but state is {state!r}: add {part.state!r} to it"
            )
        if part.line is not None:
            if part.line not in written:
                raise GatewiseError(f"{cell}.{name} reads the line {part.line!r}, which {cell} does not have")
            found.append(part.line)
    return found


def _reads(cell: str, lines: Lines, state: tuple[str, ...]) -> dict[str, list[str]]:
    """The lines that each line waits for; values of one normaliser wait for each other's."""
    together: dict[str, list[str]] = {}
    reads = {name: _read_lines(cell, name, lines, state) for name in lines}
    groups = {
        name: [part for part in (line, *parts(line)) if isinstance(part, Normalised)]
        for name, line in lines.items()
    }
    for values in groups.values():
        for value in values:
            inside = [one.line for one in (value.operand, *parts(value.operand)) if one.line is not None]
            together.setdefault(value.group, []).extend(inside)
    for name, values in groups.items():
        for value in values:
            reads[name] += together[value.group]
    return reads


def _sorted(cell: str, reads: Mapping[str, list[str]]) -> list[str]:
    """Each line after those that it waits for; without recursion, as a chain of lines may be long."""
    ordered: dict[str, None] = {}
    begun: dict[str, Iterator[str]] = {}
    for first in reads:
        if first not in ordered:
            begun[first] = iter(reads[first])
        while begun:
            name = next(reversed(begun))
            other = next((one for one in begun[name] if one not in ordered), None)
            if other is None:
                del begun[name]
                ordered[name] = None
            elif other in begun:
                path = list(begun)
                circle = " -> ".join([*path[path.index(other) :], other])
                raise GatewiseError(f"{cell} has lines that wait for each other: {circle}")
            else:
                begun[other] = iter(reads[other])
    return list(ordered)

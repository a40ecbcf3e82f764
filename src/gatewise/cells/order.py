"""The order in which a cell's lines are computed: each after the lines that it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gatewise.cells.expressions import Expression, Normalized, Previous
from gatewise.cells.traversal import parts
from gatewise.errors import GatewiseError

Lines = Mapping[str, Expression]


def in_order(cell: str, written: Lines, state: tuple[str, ...]) -> Lines:
    """The lines that the states need, in an order in which they can be computed.

    Raises: `GatewiseError` for a state without a line, a line that reads what is not there, a circle.
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
    """The lines that a line reads. Raises: `GatewiseError` if one does not exist."""
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
    """The dependencies of each line; values of one normalizer depend on the operands of all."""
    together: dict[str, list[str]] = {}
    reads = {name: _read_lines(cell, name, lines, state) for name in lines}
    groups = {
        name: [part for part in (line, *parts(line)) if isinstance(part, Normalized)]
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
    """Each line after its dependencies; without recursion, as a chain of lines may be long."""
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
                raise GatewiseError(f"{cell} has lines that depend on each other in a cycle: {circle}")
            else:
                begun[other] = iter(reads[other])
    return list(ordered)

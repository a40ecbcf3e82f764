"""The vector states of a cell with a matrix memory by head: numbers of heads, and normalizers.

A state of numbers of heads, such as the stabilizer of the mLSTM, depends on products with a row for each head
and on such states: if its initial value is one for all units of a head, so is every other. A normalizer,

    n = f * prev.n + g * k,    dot(n, q)

where f and g are numbers of heads, is the memory of one unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Constant, Expression, Operation, Previous, Product
from gatewise.cells.functions import BY_HEAD
from gatewise.cells.traversal import inside, parts
from gatewise.compiler.heads import derived, for_units
from gatewise.compiler.memory import Memory, MemoryPlan, Term, copied


@dataclass(frozen=True, eq=False)
class HeadPlan:
    """The states of `MemoryPlan.vectors` by head.

    numbers: those that are numbers of heads, as a cell with one unit for each head; None if there are none
    before: those whose last value a line outside of that cell reads
    normalizers: all others, as memories of one unit
    after: the lines that depend on what is read from normalizers, and these themselves
    """

    numbers: CellType | None
    before: tuple[str, ...]
    normalizers: tuple[Memory, ...]
    after: frozenset[str]


@cache
def head_plan(cell: CellType, plan: MemoryPlan) -> HeadPlan | None:
    """The vector states of a cell by head, or None if any of them is neither a number nor a normalizer.

    >>> from gatewise.cells import MLSTM
    >>> from gatewise.compiler.memory import memory_plan
    >>> found = head_plan(MLSTM, memory_plan(MLSTM))
    >>> found.numbers.state, [one.state for one in found.normalizers], sorted(found.after)
    (('m',), ['n'], ['h', 'n'])
    """
    if plan.vectors is None:
        return None
    by_head = _by_head_lines(cell)
    names = tuple(name for name in plan.vectors.state if name in by_head)
    others = [_normalizer(cell, name, by_head) for name in plan.vectors.state if name not in names]
    normalizers = tuple(one for one in others if one is not None)
    after = _after(cell, {one.state for one in normalizers})
    needed = [one for memory in normalizers for one in (memory.written.key, memory.query) if one is not None]
    if len(normalizers) < len(others) or not all(_is_early(one, after | plan.after) for one in needed):
        return None
    numbers = None
    if names:
        lines = {name: copied(line) for name, line in cell.lines.items() if name in by_head}
        numbers = for_units(derived(cell, lines, names))
    outside = [line for name, line in cell.lines.items() if numbers is None or name not in numbers.lines]
    read = {one.state for line in outside for one in inside(line) if isinstance(one, Previous)}
    return HeadPlan(numbers, tuple(name for name in names if name in read), normalizers, after)


def _by_head_lines(cell: CellType) -> frozenset[str]:
    """The lines that have one number for each head if all states among them initially have."""
    found = frozenset(cell.lines) - cell.matrices
    while True:
        kept = frozenset(name for name in found if _is_by_head(cell.lines[name], found, own=True))
        if kept == found:
            return found
        found = kept


def _is_by_head(expression: Expression, known: frozenset[str], own: bool = False) -> bool:
    """Whether an expression has one number for each head. known: the lines that do"""
    if expression.line is not None and not own:
        return expression.line in known
    match expression:
        case Product(per_head=per_head):
            return per_head
        case Operation(function=function, arguments=arguments):
            return function not in BY_HEAD and all(_is_by_head(one, known) for one in arguments)
        case Previous(state=state):
            return state in known
    return isinstance(expression, Constant)


def _normalizer(cell: CellType, name: str, by_head: frozenset[str]) -> Memory | None:
    """A state as the memory of one unit, or None if it isn't one."""
    every = [one for line in cell.lines.values() for one in parts(line)]
    uses = [one for one in every if one.line == name or (isinstance(one, Previous) and one.state == name)]
    reads = [one for line in cell.lines.values() for one in inside(line) if _dot_with(one, name)]
    if name == cell.state[0] or len(uses) != 2 or len(reads) != 1:  # one in its own line, one in the product
        return None
    for kept, written in _orders(cell.lines[name], "add"):
        for factor, before in _orders(kept, "multiply"):
            if isinstance(before, Previous) and before.state == name and _is_by_head(factor, by_head):
                pairs = [pair for pair in _orders(written, "multiply") if _is_by_head(pair[0], by_head)]
                unit, key = pairs[0] if pairs and written.line is None else (None, written)
                query = next(one for one in reads[0].operands if one.line != name)
                return Memory(name, Term(factor, None, name), Term(unit, key), reads[0], query)
    return None


def _orders(expression: Expression, function: str) -> Iterator[tuple[Expression, Expression]]:
    """Both orders of the values of a function of two, if the expression is one."""
    match expression:
        case Operation(function=found, arguments=(first, second)) if found == function:
            yield first, second
            yield second, first


def _dot_with(expression: Expression, name: str) -> bool:
    """Whether an expression is a dot product with a line."""
    is_dot = isinstance(expression, Operation) and expression.function == "dot"
    return is_dot and any(one.line == name for one in expression.operands)


def _after(cell: CellType, names: set[str]) -> frozenset[str]:
    """Some lines, and those that depend on them in the same step."""
    found = set(names)
    for name, line in cell.lines.items():
        if not _before(line, frozenset(found), own=True):
            found.add(name)
    return frozenset(found)


def _is_early(expression: Expression, late: frozenset[str]) -> bool:
    """Whether a vector is known before anything is read. late: the lines that are not"""
    own = (expression, *parts(expression)) if expression.line is None else ()
    reads = any(isinstance(one, Operation) and one.function in BY_HEAD and one.line is None for one in own)
    return not reads and _before(expression, late)


def _before(expression: Expression, lines: frozenset[str], own: bool = False) -> bool:
    """Whether an expression reads none of some lines, in the same step or the last."""
    if expression.line is not None and not own:
        return expression.line not in lines
    every = (expression, *parts(expression))
    return not any(one.line in lines or (isinstance(one, Previous) and one.state in lines) for one in every)

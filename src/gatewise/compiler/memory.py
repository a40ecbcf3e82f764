"""Cells with a matrix memory, in parts: what comes before the memory, what it does, what reads it.

A memory is affine in its last value: each unit and key has a factor, and an outer product is added,

    C = (a b^T) * prev.C + u k^T,    y = C q

where a, b, u, k and q depend neither on what is read nor on the last output. So they are computed for all
steps at once, but for states that are vectors, which are a cell of their own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Constant, Expression, Normalized, Operation, Previous
from gatewise.cells.ranks import is_matrix
from gatewise.cells.traversal import inside, parts
from gatewise.compiler.heads import derived


class NotAffineError(Exception):
    """A memory can't be computed in parts; the reason."""


@dataclass(frozen=True, eq=False)
class Term:
    """A matrix `unit key^T`, times the last value of a state if it has one. None is a vector of ones."""

    unit: Expression | None
    key: Expression | None
    before: str | None = None


@dataclass(frozen=True, eq=False)
class Memory:
    """A matrix state: the factors of its last value, what is written, and what reads it with a query."""

    state: str
    kept: Term
    written: Term
    read: Expression
    query: Expression


@dataclass(frozen=True, eq=False)
class MemoryPlan:
    """The parts of a cell.

    vectors: the states that are vectors and that the next step reads, as a cell; None if there are none
    before: those whose last value a line outside of that cell reads
    after: the lines that depend on what is read
    """

    vectors: CellType | None
    before: tuple[str, ...]
    memories: tuple[Memory, ...]
    after: frozenset[str]


@cache
def memory_plan(cell: CellType) -> MemoryPlan | str:
    """The parts of a cell with matrix states, or the reason why it can't be divided.

    >>> from gatewise.cells import HGRN2, MLSTM
    >>> plan = memory_plan(MLSTM)
    >>> plan.vectors.state, [one.state for one in plan.memories], sorted(plan.after)
    (('n', 'm'), ['C'], ['h'])
    >>> memory_plan(HGRN2).vectors is None
    True
    """
    try:
        return _Planner(cell).plan()
    except NotAffineError as reason:
        return f"its memory is not computed in parts: {reason}"


class _Planner:
    def __init__(self, cell: CellType) -> None:
        self.cell = cell
        self.matrices = cell.matrices
        self.after = self._after()

    def plan(self) -> MemoryPlan:
        memories = tuple(self._memory(name) for name in self.cell.matrix_states)
        read = {
            one.state
            for line in self.cell.lines.values()
            for one in inside(line)
            if isinstance(one, Previous) and one.state not in self.matrices
        }
        late = sorted(read & self.after)
        if late:
            raise NotAffineError(f"a line reads the last {late[0]}, which depends on what was read")
        lines = {
            name: line
            for name, line in self.cell.lines.items()
            if name not in self.after and name not in self.matrices
        }
        state = tuple(name for name in self.cell.state if name in read)
        copies = {name: copied(line) for name, line in lines.items()}
        vectors = derived(self.cell, copies, state) if state else None
        self._check_normalizers(vectors)
        others = [line for name, line in self.cell.lines.items() if not vectors or name not in vectors.lines]
        before = {one.state for line in others for one in inside(line) if isinstance(one, Previous)}
        return MemoryPlan(vectors, tuple(name for name in state if name in before), memories, self.after)

    def _check_normalizers(self, vectors: CellType | None) -> None:
        """Raises: `NotAffineError` if values inside and outside of the cell of vectors share a normalizer."""

        def groups(lines: Iterable[Expression]) -> set[str]:
            every = (one for line in lines for one in inside(line))
            return {one.group for one in every if isinstance(one, Normalized)}

        own = vectors.lines if vectors else {}
        shared = groups(own.values()) & groups(
            line for name, line in self.cell.lines.items() if name not in own
        )
        if shared:
            raise NotAffineError(f"normalize.{min(shared)} has values of the states and others")

    def _after(self) -> frozenset[str]:
        """The vector lines that depend on what is read from a memory."""
        found: set[str] = set()
        for name, line in self.cell.lines.items():
            late = any(_reads(one) or one.line in found for one in (line, *parts(line)))
            if late and name not in self.matrices:
                found.add(name)
        return frozenset(found)

    def _memory(self, name: str) -> Memory:
        terms = self._terms(self.cell.lines[name], own=True)
        kept = [one for one in terms if one.before is not None]
        written = [one for one in terms if one.before is None]
        if len(kept) != 1 or len(written) != 1 or kept[0].before != name:
            raise NotAffineError(f"{name} is not a factor times its last value plus one outer product")
        reads = [
            one
            for line in self.cell.lines.values()
            for one in inside(line)
            if isinstance(one, Operation) and one.function == "contract" and self._reads_state(one, name)
        ]
        if len(reads) != 1:
            raise NotAffineError(f"{name} is read by {len(reads)} products")
        vectors = (kept[0].unit, kept[0].key, written[0].unit, written[0].key, reads[0].arguments[1])
        for one in vectors:
            if one is not None and self._is_late(one):
                raise NotAffineError(f"{name} depends on what is read from it")
        return Memory(name, kept[0], written[0], reads[0], reads[0].arguments[1])

    def _reads_state(self, contraction: Operation, name: str) -> bool:
        """Whether it reads the new value of a state. Raises: `NotAffineError` for another matrix."""
        matrix = contraction.arguments[0]
        if matrix.line is None or matrix.line not in self.cell.matrix_states:
            raise NotAffineError(f"{contraction!r} does not read the new value of a state")
        return matrix.line == name

    def _is_late(self, expression: Expression) -> bool:
        every = [expression, *([] if expression.line else parts(expression))]
        return any(one.line in self.after or _reads(one) for one in every)

    def _terms(self, expression: Expression, own: bool = False) -> list[Term]:
        """A matrix as a sum of terms."""
        if not own and not is_matrix(expression, self.matrices):
            return [Term(expression, None)]
        if not own and expression.line is not None:
            return self._terms(self.cell.lines[expression.line], own=True)
        match expression:
            case Previous(state=state):
                return [Term(None, None, state)]
            case Operation(function="outer", arguments=(unit, key)):
                return [Term(unit, key)]
            case Operation(function="keys", arguments=(key,)):
                return [Term(None, key)]
            case Operation(function="negate", arguments=(only,)):
                return [_product(Term(Constant(-1.0), None), one) for one in self._terms(only)]
            case Operation(function="add", arguments=(first, second)):
                return self._terms(first) + self._terms(second)
            case Operation(function="subtract", arguments=(first, second)):
                minus = Term(Constant(-1.0), None)
                return self._terms(first) + [_product(minus, one) for one in self._terms(second)]
            case Operation(function="multiply", arguments=(first, second)):
                return [_product(a, b) for a in self._terms(first) for b in self._terms(second)]
            case Operation(function="divide", arguments=(first, second)) if not is_matrix(
                second, self.matrices
            ):
                inverse = Constant(1 / second.value) if isinstance(second, Constant) else 1 / second
                return [_product(Term(inverse, None), one) for one in self._terms(first)]
        raise NotAffineError(f"{expression!r} is not linear in the memory")


def _reads(expression: Expression) -> bool:
    return isinstance(expression, Operation) and expression.function == "contract"


def _product(first: Term, second: Term) -> Term:
    if first.before and second.before:
        raise NotAffineError(f"{first.before} is multiplied by {second.before}")
    return Term(_times(first.unit, second.unit), _times(first.key, second.key), first.before or second.before)


def _times(first: Expression | None, second: Expression | None) -> Expression | None:
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, Constant) and isinstance(second, Constant):
        return Constant(first.value * second.value)
    return first * second


def copied(line: Expression) -> Expression:
    """The same expression without a name, to become the line of another cell."""
    own = copy.copy(line)
    object.__setattr__(own, "line", None)
    return own

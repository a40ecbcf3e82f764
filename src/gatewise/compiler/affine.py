"""Affine recurrences: cells whose states after a step are factors times those before it, plus offsets.

Such steps can be composed, so that chunks of a sequence are computed at the same time. Factors and offsets
may depend on the input, and on states of lower levels, which are known at all steps before those of a level.
Products of factors must be bounded: one that overflows makes NaN of states that are finite step by step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from gatewise.cells.expressions import Constant, Expression, Operation, Previous
from gatewise.compiler.bounds import never_grow
from gatewise.compiler.stages import StagePlan
from gatewise.compiler.triton_kernel import runs_all_steps

MOST_TOGETHER = 2  # states of a group; the numbers that compose its steps are the square
ONE = Constant(1.0)


@dataclass(frozen=True, eq=False)
class Group:
    """States that depend on each other's values before.

    factors: the derivative of a state after the step by one before, without those that are always zero
    """

    states: tuple[str, ...]
    factors: Mapping[tuple[str, str], Expression]


@dataclass(frozen=True, eq=False)
class Level:
    """Groups that depend on states of lower levels, beside their own.

    stage: the number of the stage that computes them
    is_read: whether the next step reads any of the states
    """

    stage: int
    groups: tuple[Group, ...]
    is_read: bool

    @property
    def states(self) -> tuple[str, ...]:
        """The states of all groups."""
        return tuple(name for group in self.groups for name in group.states)


@dataclass(frozen=True, eq=False)
class Recurrence:
    """The levels from the lowest; none, and the obstacle, if a cell's steps can't be composed."""

    levels: tuple[Level, ...]
    obstacle: str | None


class _ObstacleError(Exception):
    """The recurrence is not affine, or its factors may grow."""


@cache
def recurrence(plan: StagePlan) -> Recurrence:
    """What a cell's recurrence consists of.

    >>> from gatewise.cells import QRNN, SRU, MinGRU
    >>> from gatewise.compiler.stages import plan
    >>> (level,) = recurrence(plan(MinGRU)).levels
    >>> level.groups[0].factors
    {('h', 'h'): 1 - z}
    >>> [one.states for one in recurrence(plan(QRNN)).levels]
    [('e', 'a', 'k'), ('c',), ('h',)]
    >>> recurrence(plan(SRU)).obstacle
    'c is not affine in the c before'
    """
    if plan.cell.of_lattice:
        return Recurrence((), "it runs over a lattice")
    if not runs_all_steps(plan):
        return Recurrence((), "a product or a normalizer is between the states of two steps")
    try:
        stages = range(len(plan.stages))
        return Recurrence(tuple(one for stage in stages for one in _Reader(plan, stage).levels()), None)
    except _ObstacleError as obstacle:
        return Recurrence((), str(obstacle))


class _Reader:
    """Reads a stage, whose lines read states before of no other stage."""

    def __init__(self, plan: StagePlan, stage: int) -> None:
        self.plan, self.stage, self.lines = plan, stage, plan.stages[stage].lines
        self.read_by_line: dict[str, frozenset[str]] = {}
        for name in self.lines:  # after the lines that they read
            self.read_by_line[name] = self._read(self.lines[name])
        states = plan.program.states
        self.reads = {one: self.read_by_line[line] for one, line in states.items() if line in self.lines}

    def levels(self) -> tuple[Level, ...]:
        """The levels. Raises: `_ObstacleError`"""
        levels: dict[Group, int] = {}
        for group in map(self._group, self._together()):
            lower = {one for state in group.states for one in self.reads[state]} - {*group.states}
            below = [number for other, number in levels.items() if lower & {*other.states}]
            levels[group] = 1 + max(below, default=-1)
        read = {one for line in self.read_by_line.values() for one in line}
        found = []
        for number in range(1 + max(levels.values(), default=-1)):
            groups = tuple(group for group, own in levels.items() if own == number)
            is_read = any(state in read for group in groups for state in group.states)
            found.append(Level(self.stage, groups, is_read))
        return tuple(found)

    def _together(self) -> list[tuple[str, ...]]:
        """The states of each group, after those that they depend on."""
        reached = {state: self._reached(state) for state in self.reads}
        groups = {
            tuple(
                one for one in self.reads if one == state or (one in reached[state] and state in reached[one])
            ): state
            for state in self.reads
        }
        return sorted(groups, key=lambda group: len(reached[group[0]] | {*group}))

    def _reached(self, state: str) -> frozenset[str]:
        """The states of all earlier steps that a state depends on."""
        found: set[str] = set()
        waiting = [state]
        while waiting:
            new = self.reads[waiting.pop()] - found
            found |= new
            waiting += new
        return frozenset(found)

    def _group(self, states: tuple[str, ...]) -> Group:
        factors = {}
        for state in states:
            for by in states:
                line = self.lines[self.plan.program.states[state]]
                try:
                    factor = self._derivative(line, by, frozenset(states))
                except _ObstacleError:
                    raise _ObstacleError(
                        f"{state} is not affine in the {' and '.join(states)} before"
                    ) from None
                if factor is not None:
                    factors[state, by] = factor
        if len(states) > MOST_TOGETHER:
            raise _ObstacleError(f"{len(states)} states depend on each other, more than {MOST_TOGETHER}")
        if not never_grow([[factors.get((state, by)) for by in states] for state in states]):
            raise _ObstacleError(f"products of the factors of {' and '.join(states)} may grow without bound")
        return Group(states, factors)

    def _read(self, expression: Expression) -> frozenset[str]:
        """The states before the step that an expression depends on."""
        if isinstance(expression, Previous):
            return frozenset({expression.state})
        return _union(self._of(one) for one in expression.operands)

    def _of(self, operand: Expression) -> frozenset[str]:
        if operand.line is not None:
            return self.read_by_line.get(operand.line, frozenset())
        return self._read(operand)

    def _derivative(self, expression: Expression, by: str, group: frozenset[str]) -> Expression | None:
        """The derivative by a state before, which depends on none of the group; None if it is zero.

        Raises: `_ObstacleError` if there is none, as the expression is not affine
        """
        if not self._read(expression) & group:
            return None
        match expression:
            case Previous(state=state):
                return ONE if state == by else None
            case Operation(function="negate", arguments=(only,)):
                return _negative(self._by_operand(only, by, group))
            case Operation(function="add", arguments=(first, second)):
                return _sum(self._by_operand(first, by, group), self._by_operand(second, by, group))
            case Operation(function="subtract", arguments=(first, second)):
                return _sum(
                    self._by_operand(first, by, group), _negative(self._by_operand(second, by, group))
                )
            case Operation(function="multiply", arguments=(first, second)):
                if self._of(second) & group:
                    first, second = second, first
                if not self._of(second) & group:
                    return _product(self._by_operand(first, by, group), second)
            case Operation(function="divide", arguments=(first, second)):
                if not self._of(second) & group:
                    return _quotient(self._by_operand(first, by, group), second)
        raise _ObstacleError

    def _by_operand(self, operand: Expression, by: str, group: frozenset[str]) -> Expression | None:
        if operand.line is None:
            return self._derivative(operand, by, group)
        line = self.lines.get(operand.line)  # None in another stage, whose lines read no state of this one
        return None if line is None else self._derivative(line, by, group)


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)


def _negative(one: Expression | None) -> Expression | None:
    if one is None:
        return None
    return Constant(-one.value) if isinstance(one, Constant) else -one


def _sum(first: Expression | None, second: Expression | None) -> Expression | None:
    if first is None or second is None:
        return first or second
    if isinstance(first, Constant) and isinstance(second, Constant):
        return Constant(first.value + second.value)
    return first + second


def _product(first: Expression | None, second: Expression) -> Expression | None:
    if first is None:
        return None
    if isinstance(first, Constant):
        if isinstance(second, Constant):
            return Constant(first.value * second.value)
        return second if first is ONE else first * second
    return first * second


def _quotient(first: Expression | None, second: Expression) -> Expression | None:
    if first is None:
        return None
    if isinstance(first, Constant) and isinstance(second, Constant):
        return Constant(first.value / second.value)
    return first / second

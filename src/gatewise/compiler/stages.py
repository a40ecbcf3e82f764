"""A step in the form of a kernel: stages of products, summed in registers, and the lines on top of them.

A stage ends where a whole row is needed: before a product of a value of this step, or a norm over the units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import ceil
from typing import Literal

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Expression, Input, Normalized, Operation, Previous, Product
from gatewise.cells.notation import prev
from gatewise.cells.traversal import inside, terms
from gatewise.compiler.layout import Layout, layout
from gatewise.compiler.program import PLAIN, PROJECTION, Extras, Program, program, rebuilt

MOST_SUMS = 6  # of a stage; with more, too few rows fit into the registers


@dataclass(frozen=True, eq=False, repr=False)
class Accumulated(Expression):
    """The sum of some products in a register, numbered through all stages."""

    index: int


@dataclass(frozen=True)
class RowLocation:
    """The location of a whole row: the input, a state before or after the step, or a saved line."""

    where: Literal["input", "previous", "state", "kept"]
    index: int = 0


@dataclass(frozen=True)
class Slot:
    """An operand, and the products (sum, family, block) that add to sums."""

    operand: RowLocation
    products: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True, eq=False)
class Stage:
    """The sums from number `first_sum` on, and the lines over them.

    width: of its rows, "hidden", or "output" with a projection
    normalizers: those whose mean and deviation it needs; synchronizes: whether threads that share rows must
    wait for each other before it
    """

    first_sum: int
    sums: int
    slots: tuple[Slot, ...]
    lines: Mapping[str, Expression]
    width: Literal["hidden", "output"]
    normalizers: tuple[int, ...]
    synchronizes: bool


@dataclass(frozen=True, eq=False)
class StagePlan:
    """All stages of a step.

    intermediates: the lines that are no state's new value, in order
    biases: for each, its sum, family and block
    vectors: each by parameter and block; normalizers: for each, its group and the rows it takes together
    """

    cell: CellType
    program: Program
    layout: Layout
    stages: tuple[Stage, ...]
    intermediates: tuple[str, ...]
    biases: tuple[tuple[int, str, str], ...]
    vectors: tuple[tuple[str, str], ...]
    normalizers: tuple[tuple[str, tuple[RowLocation, ...]], ...]

    @property
    def sums(self) -> int:
        """The number of sums of all stages."""
        return sum(stage.sums for stage in self.stages)

    def location(self, line: str) -> RowLocation:
        """The location of a line's row after its computation."""
        for index, name in enumerate(self.program.states.values()):
            if name == line:
                return RowLocation("state", index)
        return RowLocation("kept", self.intermediates.index(line))


@cache
def plan(cell: CellType, extras: Extras = PLAIN) -> StagePlan:
    """The stages of a cell.

    >>> from gatewise.cells import GRU, ChoGRU, LSTM
    >>> [len(plan(cell).stages) for cell in (LSTM, GRU, ChoGRU)], plan(GRU).sums
    ([1, 1, 2], 4)
    """
    return _Planner(cell, extras).plan()


class _Planner:
    def __init__(self, cell: CellType, extras: Extras) -> None:
        self.cell, self.extras = cell, extras
        self.program, self.layout = program(cell, extras), layout(cell)
        self.lines = self.program.lines
        self.intermediates = tuple(name for name in self.lines if name not in self.program.states.values())
        self.together = _together(self.lines)
        self.biases: list[tuple[int, str, str]] = []
        self.count = 0

    def plan(self) -> StagePlan:
        groups = list(self.together)
        bare = StagePlan(self.cell, self.program, self.layout, (), self.intermediates, (), (), ())
        normalizers = tuple(
            (group, tuple(bare.location(name) for name in names)) for group, names in self.together.items()
        )
        members = [list(part) for level in self._levels() for part in self._split(level)]
        stages = [self._stage(bare, names, groups) for names in members]
        return replace(
            bare, stages=tuple(_synchronizing(bare, stages, members, normalizers)), biases=tuple(self.biases),
            vectors=_vectors(self.layout), normalizers=normalizers,
        )  # fmt: skip

    def _levels(self) -> list[list[str]]:
        """The lines by the number of whole rows that must be known before them."""
        levels: dict[str, int] = {}
        for name in self.lines:  # mostly after the lines that they read, which limits recursion
            self._level(name, levels)
        return [[name for name in self.lines if levels[name] == k] for k in range(max(levels.values()) + 1)]

    def _level(self, name: str, known: dict[str, int]) -> int:
        if name not in known:
            line, needs = self.lines[name], [0]
            needs += [self._level(other, known) for other in lines_read(line)]
            for one in inside(line):
                if isinstance(one, Product) and one.operand.line is not None:
                    needs.append(self._level(one.operand.line, known) + 1)
                elif isinstance(one, Normalized):
                    needs += [self._level(value, known) + 1 for value in self.together[one.group]]
            known[name] = max(needs)
        return known[name]

    def _split(self, level: list[str]) -> list[list[str]]:
        """The lines of a level, in several stages if there are too many sums; equal operands stay joined."""
        sums = {name: _sums(self.lines[name]) for name in level}
        output = [name for name in level if self._width([name]) == "output"]
        hidden = [name for name in level if name not in output]
        total = sum(map(len, sums.values()))
        if total <= MOST_SUMS and not (output and hidden):
            return [level]
        most = ceil(total / ceil(total / MOST_SUMS))  # the same number in each stage
        stages: list[list[str]] = []
        kinds: list[tuple[object, int]] = []  # the operands of a stage's sums, and their number
        place: dict[str, int] = {}
        for name in [*hidden, *output]:
            least = max([place[one] for one in lines_read(self.lines[name]) if one in place], default=0)
            own = (name in output, frozenset(str(one.operand) for products in sums[name] for one in products))
            fitting = (
                number
                for number in range(least, len(stages))
                if kinds[number][0] == own and kinds[number][1] + len(sums[name]) <= most
            )
            place[name] = next(fitting, len(stages))
            if not sums[name] and name not in output and stages:
                place[name] = least
            if place[name] == len(stages):
                stages.append([])
                kinds.append((own, 0))
            stages[place[name]].append(name)
            kinds[place[name]] = (kinds[place[name]][0], kinds[place[name]][1] + len(sums[name]))
        return stages

    def _stage(self, bare: StagePlan, names: list[str], groups: list[str]) -> Stage:
        first = self.count
        slots: dict[RowLocation, list[tuple[int, str, str]]] = {}
        lines = {}
        for name in names:
            builder = _Builder(self.count)
            lines[name] = builder.rewritten(self.lines[name])
            for index, products in enumerate(builder.sums, self.count):
                for one in products:
                    slot = slots.setdefault(self._operand(bare, one.operand), [])
                    slot.append((index - first, one.family, one.block))
                    if one.family in ("W", "R") and self._biased(one):
                        self.biases.append((index, one.family, one.block))
            self.count += len(builder.sums)
        normalized = {
            one.group for name in names for one in inside(self.lines[name]) if isinstance(one, Normalized)
        }
        order = sorted(slots, key=lambda one: one.where != "input")  # the input's products first
        return Stage(
            first, self.count - first, tuple(Slot(one, tuple(slots[one])) for one in order), lines,
            self._width(names), tuple(groups.index(group) for group in groups if group in normalized), False,
        )  # fmt: skip

    def _operand(self, bare: StagePlan, operand: Expression) -> RowLocation:
        if isinstance(operand, Input):
            return RowLocation("input")
        if isinstance(operand, Previous):
            return RowLocation("previous", previous_place(self.cell, operand))
        assert operand.line is not None
        return bare.location(operand.line)

    def _biased(self, product: Product) -> bool:
        return any(
            group.biased and group.family == product.family and product.block in group.blocks
            for group in self.layout.products
        )

    def _width(self, names: list[str]) -> Literal["hidden", "output"]:
        """A line has the output's width if it projects, or reads the output or a projected line."""
        if not self.extras.projected:
            return "hidden"
        output = prev[self.cell.state[0]]
        for name in names:
            for one in inside(self.lines[name]):
                elementwise = not isinstance(one, Product)
                if isinstance(one, Product) and one.family == PROJECTION:
                    return "output"
                if elementwise and any(part is output for part in one.operands):
                    return "output"
        return "hidden"


def _synchronizing(
    plan: StagePlan,
    stages: list[Stage],
    members: list[list[str]],
    normalizers: tuple[tuple[str, tuple[RowLocation, ...]], ...],
) -> Iterator[Stage]:
    """Marks the stages before which threads must synchronize, as they read rows that others may write."""
    last = {
        location: number for number, names in enumerate(members) for location in map(plan.location, names)
    }
    met = -1  # the last stage before which they synchronized; below zero in the step before
    for number, stage in enumerate(stages):
        reads = {slot.operand for slot in stage.slots}
        reads |= {one for group in stage.normalizers for one in normalizers[group][1]}
        written = [last[one] for one in reads if one.where in ("state", "kept")]
        before = any(one.where == "previous" for one in reads) and met < 0
        synchronizes = before or any(one >= met for one in written)
        met = number if synchronizes else met
        yield replace(stage, synchronizes=synchronizes)


def previous_place(cell: CellType, one: Previous) -> int:
    """The index of a state before among those that the cell reads."""
    return list(cell.previous.values()).index(one)


def _together(lines: Mapping[str, Expression]) -> dict[str, tuple[str, ...]]:
    """For each normalizer, the lines of its operands."""
    found: dict[str, dict[str, None]] = {}
    for line in lines.values():
        for one in inside(line):
            if isinstance(one, Normalized):
                assert one.operand.line is not None
                found.setdefault(one.group, {})[one.operand.line] = None
    return {group: tuple(names) for group, names in found.items()}


def _vectors(layout: Layout) -> tuple[tuple[str, str], ...]:
    kinds = ("vector", "gain", "shift")
    return tuple((one.name, block) for one in layout.parameters if one.kind in kinds for block in one.blocks)


def lines_read(line: Expression) -> Iterator[str]:
    """The lines that a line reads unit by unit."""
    for one in inside(line):
        if not isinstance(one, Product | Normalized):
            yield from (part.line for part in one.operands if part.line is not None)


def _sums(line: Expression) -> list[list[Product]]:
    builder = _Builder(0)
    builder.rewritten(line)
    return builder.sums


class _Builder:
    """Replaces the products of a line by their sums."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.sums: list[list[Product]] = []

    def rewritten(self, expression: Expression) -> Expression:
        """The same value in terms of sums; lines that it reads are unchanged."""
        if isinstance(expression, Product):
            return self._sum([expression])
        if isinstance(expression, Operation) and expression.function == "add":
            added = list(terms(expression))
            products = [one for one in added if isinstance(one, Product) and one.line is None]
            rest = [self._operand(one) for one in added if one not in products]
            if products:
                rest.insert(0, self._sum(products))
            total = rest[0]
            for one in rest[1:]:
                total = Operation("add", (total, one))
            return total
        return expression if isinstance(expression, Normalized) else rebuilt(expression, self.rewritten)

    def _operand(self, expression: Expression) -> Expression:
        return expression if expression.line is not None else self.rewritten(expression)

    def _sum(self, products: list[Product]) -> Accumulated:
        self.sums.append(products)
        return Accumulated(self.first + len(self.sums) - 1)

"""The steps of a lattice as Triton kernels: a step is a diagonal, and initial states that the next reads.

A row is a position of one sample, or one of its initial states: a place. Rows of a step follow each other
in `numbers`, `kinds` and `after`; other tensors have rows by number, or, if of a step only, in its order:

    states [states, places, H], kept [kept, positions, H]    of the whole lattice
    before [axes, positions]                                 the row that each position reads along an axis
    after [axes, places]                            the row of the next step that reads a place, or -1
    history_Q [positions, sums, H]                  the gradients of the sums of join Q
    operand_Q, following_Q [places, members, H]     what join Q multiplies in this step and the next
    through_Q, later_Q [places, members, H]         the gradients through it, of this step and the next
    passed, carried [previous, places, H]           the gradients of states before, of this step and the next
    by_initial [states, initial states, H]          the gradients of initial states

No two rows write the same number, as each place is read by one position along an axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from gatewise.compiler.gradient import Gradient
from gatewise.compiler.stages import StagePlan
from gatewise.compiler.statements import Row
from gatewise.compiler.triton_backward import Backward
from gatewise.compiler.triton_forward import Forward
from gatewise.compiler.triton_kernel import Kernel, NumberedSlot, StepKernel, load, put, slots, store
from gatewise.compiler.values import variable

SIZES = (
    "numbers", "kinds", "before", "after", "counter", "offset", "start", "rows", "most", "positions",
    "places", "width", "stride",
)  # fmt: skip
STEP = ["offset", "start", "rows"]  # what differs from launch to launch
OPTIONS = ("LENGTHS", "KEEP", "HISTORY", "TRACED", "ROWS", "UNITS")
DEAD, ALIVE, GIVEN = 0, 1, 2  # kinds of rows: outside their sample, inside it, of initial states


@dataclass(frozen=True)
class Join:
    """Slots, but not the input's, that add to the same sums: one product with their operands side by side.

    number: that of the first member
    """

    number: int
    members: tuple[NumberedSlot, ...]

    @property
    def stage(self) -> int:
        """The number of the stage."""
        return self.members[0].stage

    @property
    def group(self) -> int:
        """The number of the group of slots with the same sums."""
        return self.members[0].group


@cache
def joins(plan: StagePlan) -> tuple[Join, ...]:
    """The matrix products of a step.

    >>> from gatewise.cells import mdlstm
    >>> from gatewise.compiler.stages import plan
    >>> [len(one.members) for one in joins(plan(mdlstm(2)))]
    [2]
    """
    found: dict[int, list[NumberedSlot]] = {}
    for one in slots(plan):
        if not is_input(one):
            found.setdefault(one.group, []).append(one)
    return tuple(Join(members[0].number, tuple(members)) for members in found.values())


class OnDiagonal(Kernel):
    """Where the kernels of both directions find their rows."""

    def __init__(self, plan: StagePlan, number: int) -> None:
        super().__init__(plan, number)
        self.loops = False
        self.axes = [one.axis - 1 for one in plan.cell.previous.values()]

    def place(self, row: Row) -> str:
        """The address of a number of a row."""
        one = row.index
        match row.where:
            case "previous":
                before = f"(places * {self.previous[one]} + before_{self.axes[one]})"
                return f"{self.pointer('states')} + {before} * width + u"
            case "state":
                return f"{self.pointer('states')} + (places * {one} + number) * width + u"
            case "kept":
                return f"{self.pointer('kept')} + (kept_rows * {one} + kept_row) * width + u"
            case "entries":
                return f"{self.pointer('entries')} + (most * {one} + b) * width + u"
        return f"{self.pointer('vectors')} + {one} * width + u"

    def column(self, name: str, slot: NumberedSlot, row: str) -> str:
        """The address of a number of a slot in a row of its join."""
        own = next(one for one in joins(self.plan) if slot in one.members)
        columns = f"({row} * {len(own.members)} + {own.members.index(slot)})"
        return f"{self.pointer(f'{name}_{own.number}')} + {columns} * width + u"

    def readers(self, state: int) -> Iterator[tuple[int, NumberedSlot]]:
        """The slots that multiply a state before, each with the index of its axis."""
        for one in slots(self.plan):
            operand = one.slot.operand
            if operand.where == "previous" and self.previous[operand.index] == state:
                yield self.axes[operand.index], one

    def resets(self) -> Iterator[str]:
        """Nothing, as lattices have no resets."""
        return iter(())

    def function(self, name: str, before: list[str], body: list[str], after: list[str], t: str) -> StepKernel:
        """The kernel with these statements in a step."""
        own = [*before, *body, *after]
        arguments = (*self.pointers, *SIZES, *OPTIONS)
        head = ", ".join(f"{one}: tl.constexpr" if one in OPTIONS else one for one in arguments)
        start = [
            "first = start + (tl.load(counter).to(tl.int64) + offset) * rows",
            "b = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None].to(tl.int64)",
            "u = (tl.program_id(1) * UNITS + tl.arange(0, UNITS))[None, :]",
            "number = tl.load(numbers + first + b, mask=b < rows, other=0).to(tl.int64)",
            "kind = tl.load(kinds + first + b, mask=b < rows, other=0)",
            f"alive = kind == {ALIVE}",
            f"given = (kind == {GIVEN}) & (u < width)",
            f"inside = (b < rows) & (kind != {GIVEN}) & (u < width)",
            "if HISTORY:",
            "    kept_row = number",
            "    kept_rows = positions",
            "else:",
            "    kept_row = b",
            "    kept_rows = most",
            *self._neighbours("\n".join(own)),
        ]
        text = "\n    ".join([f"@triton.jit(do_not_specialize={STEP})\ndef {name}({head}):", *start, *own])
        return StepKernel(name, text + "\n", arguments, bool(self.language.normalizers))

    def _neighbours(self, text: str) -> Iterator[str]:
        """Loads the rows before and after along each axis, as far as a text needs them."""
        for axis in dict.fromkeys(self.axes):
            if f"before_{axis}" in text:
                inside = f"mask=(b < rows) & (kind != {GIVEN}), other=0"
                yield f"before_{axis} = tl.load(before + positions * {axis} + number, {inside}).to(tl.int64)"
            if f"after_{axis}" in text:
                inside = "mask=b < rows, other=-1"
                yield f"after_{axis} = tl.load(after + places * {axis} + first + b, {inside}).to(tl.int64)"
                yield f"read_{axis} = (after_{axis} >= 0) & (u < width)"


class LatticeForward(OnDiagonal, Forward):
    """From the products of a stage to its lines, states and what the gradient needs."""

    def __init__(self, plan: StagePlan, number: int) -> None:
        super().__init__(plan, number)
        joined = [one.number for one in joins(plan)]
        self.slots = [one for one in self.slots if is_input(one) or one.number in joined]

    def _parts(self, index: int) -> Iterator[str]:
        """The addresses of the products that add up to a sum."""
        for one in self.slots:
            row, count = "number" if is_input(one) else "b", len(one.sums)
            for position, own in enumerate(one.sums):
                if own == index:
                    yield f"products_{one.number} + ({row} * {count} + {position}) * width + u"

    def _stores(self, line: str) -> Iterator[str]:
        """Stores a line that is a state, and a line that a matrix multiplies."""
        plan, own = self.plan, variable(self.plan, line)
        for one in slots(plan):
            if one.slot.operand == plan.location(line):
                yield store(self.column("operand", one, "b"), own)
        if line not in self.states:
            return
        state = self.states.index(line)
        yield f"new = {own}"
        yield from ("if LENGTHS:", "    new = tl.where(alive, new, 0.0)")
        yield store(self.place(Row("state", state)), "new")
        readers = list(self.readers(state))
        if readers:
            yield f"initial = tl.load({self.place(Row('state', state))}, mask=given, other=0.0)"
            yield "new = tl.where(given, initial, new)"
        for axis, one in readers:
            yield f"tl.store({self.column('following', one, f'after_{axis}')}, new, mask=read_{axis})"


class LatticeBackward(OnDiagonal, Backward):
    """From the gradients of a stage's lines to those of its sums, of states before and of vectors."""

    def _by_trace(self, index: int) -> str:
        """The address of the gradient of a trace's line."""
        return f"{self.pointer('by_kept')} + (positions * {index} + number) * width + u"

    def _through_slot(self, one: NumberedSlot) -> str:
        """The address of the gradient through a product of a line of this step."""
        return self.column("through", one, "b")

    def _carried(self, state: int, own: str) -> Iterator[str]:
        """The gradient of a state, directly and from the positions that read it."""
        by = f"{self.pointer('by_states')} + (positions * {state} + number) * width + u"
        yield from (load("more", by), f"{own} += more")
        everywhere = _left_by(self.plan, range(len(self.plan.stages)))
        for place, axis in enumerate(self.axes):
            if self.previous[place] == state and f"previous {place}" in everywhere:
                address = f"{self.pointer('carried')} + (most * {place} + after_{axis}) * width + u"
                yield from self._more(own, address, axis)
        for axis, one in self.readers(state):
            yield from self._more(own, self.column("later", one, f"after_{axis}"), axis)
        if state in self.previous:
            row = f"((places - positions) * {state} + number - positions)"
            yield f"tl.store({self.pointer('by_initial')} + {row} * width + u, {own}, mask=given)"
        yield from ("if LENGTHS:", f"    {own} = tl.where(alive, {own}, 0.0)")

    def _more(self, own: str, address: str, axis: int) -> Iterator[str]:
        """Adds a gradient from the position that reads this one along an axis, if there is one."""
        yield f"more = tl.load({address}, mask=read_{axis}, other=0.0).to(tl.float32)"
        yield f"{own} += more"

    def _ends(self) -> Iterator[str]:
        """Stores the gradients of sums, and passes those of other stages and steps."""
        first = self.stage.first_sum
        for group in dict.fromkeys(one.group for one in self.slots):
            members = [one for one in self.slots if one.group == group]
            count = len(members[0].sums)
            for position, own in enumerate(members[0].sums):
                name = f"d_{variable(self.plan, first + own)}"
                place = f"* {count} + {position}) * width + u"
                if not all(map(is_input, members)):
                    yield store(f"{self.pointer(f'gradient_{group}')} + (b {place}", name)
                yield store(f"{self.pointer(f'history_{group}')} + (number {place}", name)
        later = _left_by(self.plan, range(self.number + 1, len(self.plan.stages)))
        for name, destination in self.gradient.outside.items():
            kind, number = destination.split()
            if kind == "vector":
                yield from self._vector(number, name)
                continue
            address = f"{self.pointer('passed')} + (most * {number} + b) * width + u"
            if kind == "entry":
                address = self.place(Row("entries", int(number)))
            yield from put(address, name, destination in later)


def is_input(one: NumberedSlot) -> bool:
    """Whether a slot multiplies the input."""
    return one.slot.operand.where == "input"


@cache
def _left_by(plan: StagePlan, stages: range) -> set[str]:
    """The destinations to which the kernels of some stages pass gradients."""
    return {place for number in stages for place in Gradient(plan, number).outside.values()}

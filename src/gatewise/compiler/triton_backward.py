"""The backward step of a stage as a Triton kernel."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from gatewise.compiler.gradient import Gradient, entries, kept
from gatewise.compiler.stages import RowLocation, StagePlan
from gatewise.compiler.statements import Row, Statement, Statistic, written
from gatewise.compiler.triton import Triton
from gatewise.compiler.triton_kernel import (
    Kernel,
    NumberedSlot,
    StepKernel,
    load,
    over_rows,
    over_units,
    put,
    slots,
    state_of,
    store,
)  # fmt: skip
from gatewise.compiler.values import stored, variable


class Backward(Kernel):
    """From the gradients of a stage's lines to those of its sums, of states before and of vectors."""

    gradient: Gradient

    @property
    def name(self) -> str:
        """The name of the kernel."""
        return f"backward_{self.number}"

    def kernel(self) -> StepKernel:
        plan, stage = self.plan, self.stage
        self.gradient = Gradient(plan, self.number)
        sums = range(stage.first_sum, stage.first_sum + stage.sums)
        statements = [statement(one, self.language) for one in self.gradient.statements]
        for number in self.gradient.produced:
            self.language.statistic(Statistic("mean", number))
        statistics = [
            line
            for number in self.language.normalizers
            for line in self.statistics(number, self.rows_of(number))
        ]
        through = [line for number in self.gradient.produced for line in self._through(number)]
        starts = [line for name in stage.lines for line in self._start(name)]
        zeros = [*(f"d_{variable(plan, k)}" for k in sums), *self.gradient.outside]
        starts += [f"{name} = tl.zeros([ROWS, UNITS], tl.float32)" for name in zeros]
        alive = [f"    {name} = tl.where(alive, {name}, 0.0)" for name in zeros]
        values = [load(variable(plan, name), self.place(stored(plan, name))) for name in stage.lines]
        values += [
            load(variable(plan, one), self.place(Row("kept", place)))
            for place, one in enumerate(kept(plan))
            if one in sums
        ]
        body = [*values, *self.loads("previous", "state", "kept", "factors", "entries"), *self.resets()]
        body += [*statistics, *through, *starts, *statements]
        body += ["if LENGTHS:", *alive] if alive else []
        before, after = self._around()
        body += self._ends()
        return self.function(self.name, before, body, after, "start + end - 1 - step")

    def _around(self) -> tuple[list[str], list[str]]:
        """The statements before and after the loop over all steps, or a step."""
        before, after = [*self.loads("vectors")], []
        for state in self.carried if self.loops else ():
            before.append(load(f"later_{state}", self.of_chunk("carried", state)))
            after.append(store(self.of_chunk("passed", state), f"later_{state}"))
        vectors = [one for one in self.gradient.outside.values() if one.startswith("vector")]
        for number in [one.split()[1] for one in vectors] if self.loops else ():
            before.append(f"total_{number} = tl.zeros([ROWS, UNITS], tl.float32)")
            after += self._vector(number, f"total_{number}")
        return before, after

    def _vector(self, number: str, gradient: str) -> list[str]:
        """Adds a gradient of a vector to the sum of its rows over the steps before; no other program does."""
        program = "tl.program_id(0)"
        if self.loops:
            program = "(number * tl.num_programs(0) + tl.program_id(0))"
        place = f"({program} * {len(self.plan.vectors)} + {number})"
        address = f"{self.pointer('d_vectors')} + {place} * stride + u"
        return [
            f"total = {over_rows(gradient)}",
            f"total += tl.load({address}, mask=u < width, other=0.0)",
            f"tl.store({address}, total, mask=u < width)",
        ]

    def _start(self, name: str) -> Iterator[str]:
        """The initial gradient of a line: from later steps, later stages and a trace."""
        plan, own = self.plan, f"d_{variable(self.plan, name)}"
        place = plan.location(name)
        yield f"{own} = tl.zeros([ROWS, UNITS], tl.float32)"
        if place.where == "state":
            yield from self._carried(place.index, own)
        else:
            yield from (
                "if TRACED:",
                "    " + load("more", self._by_trace(place.index)),
                f"    {own} += more",
            )
        if ("", place) in entries(plan):
            yield from self._entered(place, own)
        for number, (group, rows) in enumerate(plan.normalizers):
            if place in rows:
                left = self.language.row(Row("entries", entries(plan)[group, place]))
                mean, scale = f"mean_{number}", f"inverse_deviation_{number}"
                standard = f"({variable(plan, name)} - {mean}) * {scale}"
                means = f"gradient_mean_{number} - {standard} * gradient_dot_{number}"
                yield f"{own} += {scale} * ({left} - {means})"

    def _entered(self, place: RowLocation, own: str) -> Iterator[str]:
        """Adds the gradient of a line from later stages."""
        number = entries(self.plan)["", place]
        if f"entry {number}" in _passed_by_kernels(self.plan, self.number):
            yield from (load("more", self.place(Row("entries", number))), f"{own} += more")
        for one in slots(self.plan):
            if one.slot.operand == place:
                yield from (load("more", self._through_slot(one)), f"{own} += more")

    def _by_trace(self, index: int) -> str:
        """The address of the gradient of a trace's line."""
        return f"{self.pointer('by_kept')} + (t * {len(self.plan.intermediates)} + {index}) * rows + at"

    def _through_slot(self, one: NumberedSlot) -> str:
        """The address of the gradient through a product of a line of this step."""
        step = "t * rows + " if self.loops else ""
        return f"{self.pointer(f'through_{one.number}')} + {step}at"

    def _carried(self, state: int, own: str) -> Iterator[str]:
        """The gradient of a state, directly and from later steps."""
        plan = self.plan
        by = f"{self.pointer('by_states')} + t * by_step + {state} * rows + at"
        if state:
            yield from ("if TRACED:", "    " + load("more", by), f"    {own} += more")
        else:
            yield from (load("more", by), f"{own} += more")
        if state in self.previous:
            if self.loops:
                yield f"later = later_{state}"
            else:
                yield load("later", f"{self.pointer('carried')} + {state} * rows + at")
            for one in slots(plan) if not self.loops else ():
                if one.slot.operand.where == "previous" and state_of(plan, one.slot.operand) == state:
                    yield load("more", f"{self.pointer(f'through_{one.number}')} + at")
                    yield "later += more"
            yield from ("if RESETS:", "    later = tl.where(next_reset, 0.0, later)", f"{own} += later")
            yield f"stays_{state} = tl.zeros([ROWS, UNITS], tl.float32)"
            yield from ("if LENGTHS:", f"    stays_{state} = tl.where(alive, 0.0, {own})")
        yield from ("if LENGTHS:", f"    {own} = tl.where(alive, {own}, 0.0)")

    def _through(self, number: int) -> Iterator[str]:
        """The means of a normalizer's gradient, and of its product with the standardized values."""
        group, rows = self.plan.normalizers[number]
        values = self.rows_of(number)
        given = [self.language.row(Row("entries", entries(self.plan)[group, one])) for one in rows]
        mean, scale = f"mean_{number}", f"inverse_deviation_{number}"
        dots = [f"{g} * ({v} - {mean}) * {scale}" for g, v in zip(given, values, strict=True)]
        yield f"gradient_mean_{number} = ({over_units(given)}) / count_{number}"
        yield f"gradient_dot_{number} = ({over_units(dots)}) / count_{number}"

    def _ends(self) -> Iterator[str]:
        """Stores the gradients of sums, and passes those of other stages and steps."""
        plan, first = self.plan, self.stage.first_sum
        later = _passed_by_kernels(plan, self.number)
        for group in dict.fromkeys(one.group for one in self.slots):
            members = [one for one in self.slots if one.group == group]
            count = len(members[0].sums)
            for position, own in enumerate(members[0].sums):
                name = f"d_{variable(plan, first + own)}"
                where = f"place(b, u, batch, width, {position}, {count}, HEADS)"
                if not self.loops and any(one.slot.operand.where != "input" for one in members):
                    yield store(f"{self.pointer(f'gradient_{group}')} + {where}", name)
                step = f"t * {count} * batch * width"
                yield store(f"{self.pointer(f'history_{group}')} + {step} + {where}", name)
        for state in self.previous:
            yield from self._passed(int(state or 0), later)
        for name, destination in self.gradient.outside.items():
            kind, number = destination.split()
            if kind == "entry":
                yield from put(self.place(Row("entries", int(number))), name, destination in later)
            elif kind == "vector":
                yield from [f"total_{number} += {name}"] if self.loops else self._vector(number, name)

    def _passed(self, state: int, later: set[str]) -> Iterator[str]:
        """Passes the gradient of a state before the step."""
        previous = self.previous.index(state)
        destination = f"previous {previous}"
        parts = [name for name, where in self.gradient.outside.items() if where == destination]
        if self.states[state] in self.stage.lines:
            parts.append(f"stays_{state}")
        if parts and self.loops:
            yield f"later_{state} = {' + '.join(parts)}"
        elif parts:
            address = f"{self.pointer('passed')} + {state} * rows + at"
            yield from put(address, " + ".join(parts), destination in later)


@cache
def _passed_by_kernels(plan: StagePlan, number: int) -> set[str]:
    """The destinations to which kernels of later stages, which run before, passed gradients."""
    found: set[str] = set()
    states = list(plan.program.states.values())
    for later in range(number + 1, len(plan.stages)):
        found |= set(Gradient(plan, later).outside.values())
        for place, one in enumerate(plan.cell.previous.values()):
            if states[plan.cell.state.index(one.state)] in plan.stages[later].lines:
                found.add(f"previous {place}")
    return found


def statement(one: Statement, language: Triton) -> str:
    """A line of Triton."""
    return f"{one.name} {'+=' if one.adds else '='} {written(one.value, language)}"

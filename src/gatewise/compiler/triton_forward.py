"""The forward step of a stage as a Triton kernel."""

from __future__ import annotations

from collections.abc import Iterator

from gatewise.compiler.gradient import kept
from gatewise.compiler.statements import Row, written
from gatewise.compiler.triton_kernel import Kernel, NumberedSlot, StepKernel, load, slots, state_of, store
from gatewise.compiler.values import Values, variable


class Forward(Kernel):
    """From the products of a stage to its lines, states and what the gradient needs."""

    def kernel(self) -> StepKernel:
        plan, stage = self.plan, self.stage
        for one in self.slots:
            self.pointer(f"products_{one.number}")
        values = Values(plan, stage)
        lines = [
            f"{variable(plan, name)} = {written(values.value(line), self.language)}"
            for name, line in stage.lines.items()
        ]
        statistics = [
            line
            for number in self.language.normalizers
            for line in self.statistics(number, self.rows_of(number))
        ]
        stores = [line for name in stage.lines for line in self._stores(name)]
        keeps = self._keeps()
        before = [*self.loads("vectors"), *self._biases()]
        body = [*self.loads("state", "kept", "factors")]
        if self.loops:
            before += self._starts()
        else:
            body += self.loads("previous")
        body += [*self.resets(), *statistics]
        body += [line for k in range(stage.sums) for line in self._sum(k)]
        body += [*lines, *stores, *keeps]
        return self.function(f"forward_{self.number}", before, body, [], "step")

    def _starts(self) -> Iterator[str]:
        """Loads the states before the first step of a chunk."""
        for row in self.language.rows:
            if row.where == "previous":
                yield load(
                    f"previous_{row.index}", self.of_chunk("starts", int(self.previous[row.index] or 0))
                )

    def _biases(self) -> Iterator[str]:
        first = self.stage.first_sum
        for index in dict.fromkeys(own for own, _, _ in self.plan.biases):
            if first <= index < first + self.stage.sums:
                yield load(f"bias_{index}", f"{self.pointer('biases')} + {index} * stride + u")

    def _sum(self, index: int) -> Iterator[str]:
        """A sum of products and biases."""
        name = variable(self.plan, self.stage.first_sum + index)
        biased = any(own == self.stage.first_sum + index for own, _, _ in self.plan.biases)
        for number, part in enumerate(self._parts(index)):
            yield load(name if number == 0 else "more", part)
            if number:
                yield f"{name} += more"
        if biased:
            yield f"{name} += bias_{self.stage.first_sum + index}"

    def _parts(self, index: int) -> Iterator[str]:
        """The addresses of the products that add up to a sum."""
        for one in self.slots:
            for position, own in enumerate(one.sums):
                if own == index:
                    step = f"t * {len(one.sums)} * batch * width + " if self.of_all_steps(one) else ""
                    yield f"products_{one.number} + {step}{product(one, position)}"

    def of_all_steps(self, one: NumberedSlot) -> bool:
        """Whether a slot's products, of values of the step, are those of all steps."""
        return self.loops and one.slot.operand.where != "input"

    def _stores(self, line: str) -> Iterator[str]:
        """Stores a line that is a state, and a line that a matrix multiplies."""
        plan, own = self.plan, variable(self.plan, line)
        location = plan.location(line)
        for one in slots(plan):
            if one.slot.operand == location and not self.loops:
                yield store(f"{self.pointer(f'operand_{one.number}')} + at", own)
        if line not in self.states:
            return
        state = self.states.index(line)
        yield f"new = {own} + tl.zeros([ROWS, UNITS], tl.float32)" if self.loops else f"new = {own}"
        before = "0.0"
        if state in self.previous:
            before = self.language.row(Row("previous", self.previous.index(state)))
        yield from ("if LENGTHS:", f"    new = tl.where(alive, new, {before})")
        yield store(self.place(Row("state", state)), "new")
        if self.loops and state in self.previous:
            yield f"{before} = new"
        readers = [one for one in slots(plan) if one.slot.operand.where == "previous"]
        readers = [one for one in readers if state_of(plan, one.slot.operand) == state]
        if readers:
            yield from ("if RESETS:", "    new = tl.where(next_reset, 0.0, new)")
        for one in readers:
            yield store(f"{self.pointer(f'operand_{one.number}')} + at", "new")

    def _keeps(self) -> list[str]:
        """Stores what the gradient or a later stage needs."""
        sums = range(self.stage.first_sum, self.stage.first_sum + self.stage.sums)
        found = []
        for number, one in enumerate(kept(self.plan)):
            if one in self.stage.lines or one in sums:
                own = variable(self.plan, one)
                found += ["    if LENGTHS:", f"        {own} = tl.where(alive, {own}, 0.0)"]
                found.append("    " + store(self.place(Row("kept", number)), own))
        return ["if KEEP:", *found] if found else []


def product(one: NumberedSlot, position: int) -> str:
    """Where a product of a slot is."""
    if one.slot.operand.where == "input":
        return f"((t * batch + b) * {len(one.sums)} + {position}) * width + u"
    return f"place(b, u, batch, width, {position}, {len(one.sums)}, HEADS)"

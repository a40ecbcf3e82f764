"""A cell's stages as Triton kernels: one step, forward and backward, over tiles of rows and units.

The products of a step are matrix products of their own before a kernel, which adds them up. A kernel reads
and writes, at step `t`,

    states, kept [T + 1 and T, numbers, B, S]   states and what the gradient needs, S the wider of H and P
    products_Q, gradient_Q                      the products of slot Q, and the gradients of its sums
    history_Q                                   these gradients at all steps
    operand_Q, through_Q [B, S]                 what slot Q multiplies, and the gradient through it
    carried, passed [states, B, S]              the gradients of states, from the next step, for the last
    entries [entries, B, S]                     gradients that stages pass to earlier ones

where `t` is a number in memory and an offset, so that recorded launches can be repeated. If no product needs
a state, one launch runs all steps, and states and their gradients stay in registers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from gatewise.compiler.gradient import kept
from gatewise.compiler.stages import StagePlan
from gatewise.compiler.statements import Row, written
from gatewise.compiler.triton import PRELUDE
from gatewise.compiler.triton_backward import Backward
from gatewise.compiler.triton_kernel import (
    Kernel,
    NumberedSlot,
    StepKernel,
    load,
    runs_all_steps,
    slots,
    state_of,
    store,
)  # fmt: skip
from gatewise.compiler.values import Values, variable


@dataclass(frozen=True, eq=False)
class StepKernels:
    """The kernels of all stages, and the text of the module that holds them.

    runs_all_steps: whether a launch runs all steps, not one
    """

    forward: tuple[StepKernel, ...]
    backward: tuple[StepKernel, ...]
    text: str
    runs_all_steps: bool


@cache
def kernels(plan: StagePlan) -> StepKernels:
    """The kernels of a cell.

    >>> from gatewise.cells import GRU
    >>> from gatewise.compiler.stages import plan
    >>> [one.name for one in kernels(plan(GRU)).forward + kernels(plan(GRU)).backward]
    ['forward_0', 'backward_0']
    """
    forward = tuple(Forward(plan, number).kernel() for number in range(len(plan.stages)))
    backward = tuple(Backward(plan, number).kernel() for number in range(len(plan.stages)))
    text = "\n\n".join([PRELUDE, *(one.text for one in forward + backward)])
    return StepKernels(forward, backward, text, runs_all_steps(plan))


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
            before += ["t = first", *self.loads("previous")]
        else:
            body += self.loads("previous")
        body += [*self.resets(), *statistics]
        body += [line for k in range(stage.sums) for line in self._sum(k)]
        body += [*lines, *stores, *keeps]
        return self.function(f"forward_{self.number}", before, body, [], "step")

    def _biases(self) -> Iterator[str]:
        first = self.stage.first_sum
        for index in dict.fromkeys(own for own, _, _ in self.plan.biases):
            if first <= index < first + self.stage.sums:
                yield load(f"bias_{index}", f"{self.pointer('biases')} + {index} * stride + u")

    def _sum(self, index: int) -> Iterator[str]:
        """A sum of products and biases."""
        name = variable(self.plan, self.stage.first_sum + index)
        biased = any(own == self.stage.first_sum + index for own, _, _ in self.plan.biases)
        parts = []
        for one in self.slots:
            for position, own in enumerate(one.sums):
                if own == index:
                    parts.append(f"products_{one.number} + " + product(one, position))
        for number, part in enumerate(parts):
            yield load(name if number == 0 else "more", part)
            if number:
                yield f"{name} += more"
        if biased:
            yield f"{name} += bias_{self.stage.first_sum + index}"

    def _stores(self, line: str) -> Iterator[str]:
        """Stores a line that is a state, and a line that a matrix multiplies."""
        plan, own = self.plan, variable(self.plan, line)
        location = plan.location(line)
        for one in slots(plan):
            if one.slot.operand == location:
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

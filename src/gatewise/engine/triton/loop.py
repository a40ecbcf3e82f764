"""The loop over the steps of a call, forward and backward: a matrix product and a kernel for each stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gatewise.compiler.gradient import kept
from gatewise.compiler.triton_kernel import NumberedSlot, state_of
from gatewise.compiler.triton_source import kernels
from gatewise.engine.triton.backward import Backward
from gatewise.engine.triton.buffers import Buffers, History, Launch
from gatewise.engine.triton.launches import repeat


@dataclass(frozen=True, eq=False)
class Gradients:
    """With respect to inputs, parameters by name and initial states."""

    inputs: Tensor
    parameters: Mapping[str, Tensor]
    initial: list[Tensor]


class Loop(Buffers):
    """The steps of a call, one after another."""

    def forward(self, keep: bool) -> History:
        """All steps. keep: whether to save what the gradient and a trace need at every step"""
        plan, sizes, keep = self.plan, self.sizes, self.keeps(keep)
        shape = (len(plan.program.states), sizes.batch, sizes.stride)
        states = self.empty(sizes.steps + 1, *shape)
        for state, value in zip(self.states_of_previous, self.given.initial, strict=True):
            states[0, state, :, : sizes.widths[state]] = value
        rows = max(1, len(kept(plan)))
        history = History(states, self.empty(sizes.steps if keep else 1, rows, *shape[1:]))
        for one in self.previous_slots():
            first = self.seen(states, one)[0]
            self.operands[one.number][0][:, : first.shape[-1]] = first
        self.run_forward(history, keep)
        return history

    def keeps(self, asked: bool) -> bool:
        """Whether to save what the gradient and a trace need, as asked or as later stages read it."""
        return asked

    def run_forward(self, history: History, keep: bool) -> None:
        """Launches the steps."""
        launches = [self._launches(history, parity, keep) for parity in (0, 1)]

        def step(number: int) -> None:
            for launch in launches[number % 2]:
                launch(number)

        self.counter.zero_()
        repeat(step, self.sizes.steps, self.counter, 1)

    def backward(
        self,
        history: History,
        by_states: Tensor,
        by_kept: Tensor | None,
        by_final: Sequence[Tensor | None],
        of_inputs: bool,
    ) -> Gradients:
        """The gradients.

        by_states: [T, 1 or states, B, S], by_kept: [T, intermediates, B, S] or None
        of_inputs: whether to compute that of the inputs, which is zero otherwise
        """
        sizes = self.sizes
        passed = self.zeros(2, len(self.plan.program.states), sizes.batch, sizes.stride)
        last = sizes.steps % 2
        for state, by in zip(self.states_of_previous, by_final, strict=True):
            if by is not None:
                passed[last, state, :, : by.shape[-1]] = by
        back = Backward(self, history, by_states, by_kept, passed)
        self.run_backward(back)
        return self._gradients(history, back, passed[0], of_inputs)

    def run_backward(self, back: Backward) -> None:
        """Launches the steps, from the last to the first."""
        last = self.sizes.steps - 1
        launches = [back.launches(parity) for parity in (0, 1)]

        def step(number: int) -> None:
            for launch in launches[(last + number) % 2]:
                launch(number)

        self.counter.fill_(last)
        repeat(step, self.sizes.steps, self.counter, -1)

    def forward_values(self, history: History, parity: int, keep: bool) -> dict[str, Any]:
        """The arguments of kernels, forward, that depend on the parity of a step or on what is saved."""
        values: dict[str, Any] = {"states": history.states, "kept": history.kept}
        values |= {f"products_{number}": one for number, one in self.products.items()}
        for one in self.slots:
            pair = self.operands[one.number]
            values[f"operand_{one.number}"] = pair[(1 - parity) % len(pair)]
        values |= {"KEEP": keep or len(self.plan.stages) > 1, "TRACED": False}
        return values | {"kept_step": history.kept[0].numel() if keep else 0, "by_step": 0}

    def _launches(self, history: History, parity: int, keep: bool) -> list[Launch]:
        """The launches of a step with a number of this parity, forward."""
        found: list[Launch] = []
        values = self.forward_values(history, parity, keep)
        for stage, kernel in enumerate(kernels(self.plan).forward):
            for one in self.slots:
                if one.stage == stage and one.slot.operand.where != "input":
                    pair = self.operands[one.number]
                    found.append(self._product(one, pair[parity % len(pair)]))
            found.append(self.launch(kernel, stage, values))
        return found

    def _product(self, one: NumberedSlot, operand: Tensor) -> Launch:
        """The matrix product of a slot in a step."""
        matrix, into = self.weights.matrices[one.number], self.products[one.number]
        if not self.weights.by_head(one):
            rows, across = operand[:, : matrix.shape[-1]], matrix.t()
            return lambda _: torch.mm(rows, across, out=into)
        rows = self.heads(operand)
        across = matrix.transpose(1, 2)
        return lambda _: torch.bmm(rows, across, out=into)

    def _gradients(self, history: History, back: Backward, passed: Tensor, of_inputs: bool) -> Gradients:
        by_inputs = torch.zeros_like(self.given.inputs)
        by_matrix: list[Tensor] = []
        by_sums: dict[int, Tensor] = {}
        for one in self.slots:
            count, gradient = len(one.sums), back.history[one.group]
            operand = self.operand_history(history, one).flatten(0, 1).to(self.dtype)
            matrix = self.weights.matrices[one.number]
            if self.weights.by_head(one):  # [T, heads, B, k * keys] -> [heads, k * keys, T * B]
                rows = gradient.permute(1, 3, 0, 2).flatten(2)
                own = rows @ self.heads(operand)
                by_matrix.append(own.unflatten(1, (count, -1)).transpose(0, 1).flatten(1, 2))
            else:
                rows = back.in_order(gradient, count).flatten(0, 1)
                by_matrix.append((rows.t() @ operand).unflatten(0, (count, -1)))
                if one.slot.operand.where == "input" and of_inputs:
                    by_inputs += (rows @ matrix).view_as(by_inputs)
            first = self.plan.stages[one.stage].first_sum
            total = back.in_order(gradient, count).sum((0, 1), dtype=torch.float32).unflatten(0, (count, -1))
            by_sums |= {first + own: by for own, by in zip(one.sums, total, strict=True)}
        initial = []
        for state in self.states_of_previous:
            by = passed[state, :, : self.sizes.widths[state]].clone()
            for one in self.previous_slots():
                if state_of(self.plan, one.slot.operand) == state:
                    by += back.through[one.number][0][:, : by.shape[-1]]
            if self.given.resets is not None:
                by.masked_fill_(self.given.resets[0][:, None], 0.0)
            initial.append(by)
        parameters = self.weights.gradients(by_matrix, by_sums, back.by_vectors.sum(0))
        return Gradients(by_inputs, parameters, initial)

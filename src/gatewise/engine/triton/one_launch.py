"""All steps of a stage in one launch, which needs no product between the states of two steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from gatewise.compiler.triton_kernel import NumberedSlot
from gatewise.compiler.triton_source import kernels
from gatewise.engine.triton.backward import Backward
from gatewise.engine.triton.buffers import History
from gatewise.engine.triton.loop import Loop


class OneLaunch(Loop):
    """All steps of a stage in one launch, of cells without a product between states of two steps."""

    def keeps(self, asked: bool) -> bool:
        return asked or len(self.plan.stages) > 1

    def run_forward(self, history: History, keep: bool) -> None:
        self.counter.zero_()
        values = self.forward_values(history, 0, keep) | {"starts": self.starts(history)}
        for stage, kernel in enumerate(kernels(self.plan).forward):
            for one in self._slots_of_values(stage):
                values[f"products_{one.number}"] = self._product_of_steps(history, one)
            self.before_forward(stage, values)
            self.launch(kernel, stage, values)(0)

    def run_backward(self, back: Backward) -> None:
        self.counter.zero_()
        carried, passed = self.ends(back)
        values = back.values | {"carried": carried, "passed": passed}
        for stage in reversed(range(len(back.kernels))):
            self.before_backward(stage, values)
            self.launch(back.kernels[stage], stage, values)(0)
            for one in self._slots_of_values(stage):
                values[f"through_{one.number}"] = self._through_steps(back, one)
        back.passed[0] = passed[0]

    def starts(self, history: History) -> Tensor:
        """The states before each chunk, [chunks, states, B, S]."""
        return history.states[:1]

    def ends(self, back: Backward) -> tuple[Tensor, Tensor]:
        """The gradients after each chunk, and memory for those before it, [chunks, states, B, S]."""
        return back.passed[self.sizes.steps % 2, None], back.passed[:1]

    def before_forward(self, stage: int, values: Mapping[str, Any]) -> None:
        """Prepares the launch of a stage."""

    def before_backward(self, stage: int, values: Mapping[str, Any]) -> None:
        """Prepares the launch of a stage's gradient."""

    def _products(self, one: NumberedSlot) -> Tensor:
        return super()._products(one) if one.slot.operand.where == "input" else self.empty(0)

    def _slots_of_values(self, stage: int) -> list[NumberedSlot]:
        return [one for one in self.slots if one.stage == stage and one.slot.operand.where != "input"]

    def _product_of_steps(self, history: History, one: NumberedSlot) -> Tensor:
        """The products of values at all steps, [T, heads, B, k * keys]."""
        operand = self.operand_history(history, one).to(self.dtype)
        matrix = self.weights.matrices[one.number]
        if self.weights.by_head(one):
            operand = operand.unflatten(-1, (self.sizes.heads, -1)).transpose(1, 2)
        return operand @ matrix.transpose(-1, -2)

    def _through_steps(self, back: Backward, one: NumberedSlot) -> Tensor:
        """The gradients through a slot at all steps, [T, B, S]."""
        found = back.history[one.group] @ self.weights.matrices[one.number]  # [T, heads, B, keys]
        rows = self.zeros(self.sizes.steps, self.sizes.batch, self.sizes.stride, dtype=self.dtype)
        found = found.transpose(1, 2).flatten(2)
        rows[..., : found.shape[-1]] = found
        return rows

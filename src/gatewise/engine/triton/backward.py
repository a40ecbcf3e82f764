"""The buffers and the launches of a backward pass, step by step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.compiler.gradient import entries
from gatewise.compiler.triton_kernel import NumberedSlot, StepKernel
from gatewise.compiler.triton_source import kernels
from gatewise.engine.triton.buffers import Buffers, History, Launch
from gatewise.engine.triton.tiles import tile_of


class Backward:
    """The buffers of a backward pass.

    through: the gradients through each slot, as `Buffers.operands`; by_vectors: [tiles, vectors, S]
    history: the gradients of each group's sums at every step, [T, heads, B, k * keys]
    """

    call: Buffers
    passed: Tensor
    kernels: tuple[StepKernel, ...]
    through: dict[int, Tensor]
    history: dict[int, Tensor]
    gradient: dict[int, Tensor]
    by_vectors: Tensor

    def __init__(
        self, call: Buffers, history: History, by_states: Tensor, by_kept: Tensor | None, passed: Tensor
    ) -> None:
        self.call, self.passed, sizes, plan = call, passed, call.sizes, call.plan
        self.kernels = kernels(plan).backward
        self.through = {one.number: call.pair(one, call.dtype) for one in call.slots}
        groups = {one.group: one for one in call.slots}
        shapes = {
            group: (sizes.heads, sizes.batch, len(one.sums) * sizes.width(plan, one.stage) // sizes.heads)
            for group, one in groups.items()
        }
        self.history = {
            group: call.empty(sizes.steps, *shape, dtype=call.dtype) for group, shape in shapes.items()
        }
        self.gradient = {group: call.empty(*shape, dtype=call.dtype) for group, shape in shapes.items()}
        tiles = [
            tile_of(kernel, sizes.batch, sizes.width(plan, stage)).grid[0]
            for stage, kernel in enumerate(self.kernels)
        ]
        self.by_vectors = call.zeros(max(tiles) * call.chunks, max(1, len(plan.vectors)), sizes.stride)
        steps = (sizes.steps,) if kernels(plan).runs_all_steps else ()
        self.values: dict[str, Any] = {
            "states": history.states, "kept": history.kept, "by_states": by_states, "by_kept": by_kept,
            "by_step": by_states[0].numel(), "kept_step": history.kept[0].numel(),
            "d_vectors": self.by_vectors,
            "entries": call.zeros(*steps, max(1, len(entries(plan))), sizes.batch, sizes.stride),
            "KEEP": True, "TRACED": by_kept is not None,
        }  # fmt: skip
        self.values |= {f"history_{group}": one for group, one in self.history.items()}
        self.values |= {f"gradient_{group}": one for group, one in self.gradient.items()}

    def launches(self, parity: int) -> list[Launch]:
        """The launches of a step with a number of this parity."""
        call, found = self.call, []
        values = self.values | {"carried": self.passed[1 - parity], "passed": self.passed[parity]}
        for one in call.slots:
            pair = self.through[one.number]
            values[f"through_{one.number}"] = pair[(1 - parity) % len(pair)]
        for stage in reversed(range(len(self.kernels))):
            found.append(call.launch(self.kernels[stage], stage, values))
            for one in call.slots:
                if one.stage == stage and one.slot.operand.where != "input":
                    pair = self.through[one.number]
                    found.append(self._through(one, pair[parity % len(pair)]))
        return found

    def _through(self, one: NumberedSlot, into: Tensor) -> Launch:
        """The gradient through a slot in a step."""
        matrix, gradient = self.call.weights.matrices[one.number], self.gradient[one.group]
        if self.call.weights.by_head(one):
            rows = self.call.heads(into)
            return lambda _: torch.bmm(gradient, matrix, out=rows)
        sums, rows = gradient[0], into[:, : matrix.shape[-1]]
        return lambda _: torch.mm(sums, matrix, out=rows)

    def in_order(self, gradient: Tensor, count: int) -> Tensor:
        """[T, heads, B, k * keys] -> [T, B, k * H]."""
        if gradient.shape[1] == 1:
            return gradient.squeeze(1)
        return gradient.unflatten(-1, (count, -1)).permute(0, 2, 3, 1, 4).flatten(2)

"""The tensors of a call on a GPU, the memory that its steps read and write, and launches of its kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gatewise.compiler.stages import RowLocation, StagePlan
from gatewise.compiler.triton_kernel import NumberedSlot, StepKernel, slots, state_of
from gatewise.compiler.triton_source import kernels
from gatewise.engine.triton.functions import functions
from gatewise.engine.triton.tiles import tile_of
from gatewise.engine.triton.weights import DTYPES, Precision, Sizes, Weights

Launch = Callable[[int], object]  # of a kernel or a product, at a number of steps after the counter


@dataclass(frozen=True, eq=False)
class Inputs:
    """The tensors of a call, whose steps run from the first to the last.

    inputs: [T, B, I]; initial: for each of the cell's `previous`, [B, W]; lengths: [B] or None
    resets: [T, B] or None; factors: for each of the program's, [T, B, W] or [B, W]
    """

    inputs: Tensor
    initial: Sequence[Tensor]
    lengths: Tensor | None
    resets: Tensor | None
    factors: Sequence[Tensor]


@dataclass(frozen=True, eq=False)
class History:
    """states: [T + 1, states, B, S], from the initial ones; kept: [T, kept, B, S], or of one step only."""

    states: Tensor
    kept: Tensor


class Buffers:
    """A call's buffers, and launches of its kernels.

    precision: of the factors of products; all else is float32
    """

    plan: StagePlan
    given: Inputs
    sizes: Sizes
    dtype: torch.dtype
    slots: tuple[NumberedSlot, ...]
    device: torch.device
    weights: Weights
    states_of_previous: list[int]
    flags: Tensor | None
    lengths: Tensor | None
    factors: Tensor | None
    factor_step: int
    counter: Tensor
    products: dict[int, Tensor]
    operands: dict[int, Tensor]

    def __init__(
        self,
        plan: StagePlan,
        given: Inputs,
        parameters: Mapping[str, Tensor],
        sizes: Sizes,
        precision: Precision,
    ) -> None:
        self.plan, self.given, self.sizes, self.precision = plan, given, sizes, precision
        self.dtype = dtype = DTYPES[precision]
        self.slots, self.device = slots(plan), given.inputs.device
        self.weights = Weights(plan, parameters, sizes, dtype)
        self.states_of_previous = [
            int(state_of(plan, RowLocation("previous", k)) or 0) for k in range(len(plan.cell.previous))
        ]
        batch, resets = sizes.batch, given.resets
        self.flags = None
        if resets is not None:
            none = resets.new_zeros(1, batch, dtype=torch.uint8)
            self.flags = torch.cat([resets.to(torch.uint8), none])
        self.lengths = None if given.lengths is None else given.lengths.to(torch.int32)
        self.factors, self.factor_step = self._factors()
        self.counter = torch.zeros(1, dtype=torch.int32, device=self.device)
        self.products = {one.number: self._products(one) for one in self.slots}
        self.operands = {one.number: self.pair(one, self.dtype) for one in self.slots}

    @property
    def chunk(self) -> int:
        """The steps that a program of a kernel of all steps runs."""
        return self.sizes.steps

    @property
    def chunks(self) -> int:
        """The number of chunks of steps."""
        return -(-self.sizes.steps // self.chunk)

    def launch(self, kernel: StepKernel, stage: int, values: Mapping[str, Any]) -> Launch:
        """The launch of a kernel, as a function of the offset of the step."""
        sizes, width = self.sizes, self.sizes.width(self.plan, stage)
        tile = tile_of(kernel, sizes.batch, width)
        own = self.arguments() | {
            "offset": 0, "chunk": self.chunk, "width": width, "HEADS": sizes.heads, "ROWS": tile.rows,
            "UNITS": tile.units,
        } | dict(values)  # fmt: skip
        arguments = self.in_order(kernel, own)
        place = kernel.arguments.index("offset")
        chunks = (self.chunks,) if "chunk" in kernel.arguments else ()
        function = functions(kernels(self.plan).text)[kernel.name][(*tile.grid, *chunks)]
        before, after, warps = arguments[:place], arguments[place + 1 :], tile.warps
        return lambda offset: function(*before, offset, *after, num_warps=warps, enable_fp_fusion=True)

    def arguments(self) -> dict[str, Any]:
        """The arguments of kernels that are the same for all."""
        return {
            "biases": self.weights.biases, "vectors": self.weights.vectors, "factors": self.factors,
            "lengths": self.lengths, "resets": self.flags, "counter": self.counter, "steps": self.sizes.steps,
            "batch": self.sizes.batch, "stride": self.sizes.stride, "factor_step": self.factor_step,
            "LENGTHS": self.lengths is not None, "RESETS": self.flags is not None,
        }  # fmt: skip

    def in_order(self, kernel: StepKernel, values: Mapping[str, Any]) -> list[Any]:
        """The arguments of a kernel; an address that its options leave unread is any."""
        return [self.counter if values[name] is None else values[name] for name in kernel.arguments]

    def heads(self, rows: Tensor) -> Tensor:
        """[B, S] -> [heads, B, keys]."""
        return rows.unflatten(-1, (self.sizes.heads, -1)).transpose(0, 1)

    def _products(self, one: NumberedSlot) -> Tensor:
        """The products of a slot: of all inputs, or memory for those of a step."""
        matrix = self.weights.matrices[one.number]
        if one.slot.operand.where == "input":
            return self.given.inputs.flatten(0, 1).to(self.dtype) @ matrix.t()
        shape = (*matrix.shape[:-2], self.sizes.batch, matrix.shape[-2])
        return self.empty(*shape, dtype=self.dtype)

    def pair(self, one: NumberedSlot, dtype: torch.dtype) -> Tensor:
        """Rows [2 or 1, B, S]: of a state before a step for even and odd steps, else for a step."""
        count = 2 if one.slot.operand.where == "previous" else 1
        return self.zeros(count, self.sizes.batch, self.sizes.stride, dtype=dtype)

    def previous_slots(self) -> Iterator[NumberedSlot]:
        return (one for one in self.slots if one.slot.operand.where == "previous")

    def seen(self, states: Tensor, one: NumberedSlot) -> Tensor:
        """The operand of a slot at every step, [T, B, width]."""
        state = int(state_of(self.plan, one.slot.operand) or 0)
        seen = states[:-1, state, :, : self.sizes.widths[state]]
        return seen if self.given.resets is None else seen.masked_fill(self.given.resets[:, :, None], 0.0)

    def operand_history(self, history: History, one: NumberedSlot) -> Tensor:
        """What a slot multiplied at every step, [T, B, width]."""
        operand = one.slot.operand
        match operand.where:
            case "input":
                return self.given.inputs
            case "previous":
                return self.seen(history.states, one)
            case "state":
                return history.states[1:, operand.index, :, : self.sizes.widths[operand.index]]
        line = self.plan.intermediates[operand.index]
        stage = next(k for k, stage in enumerate(self.plan.stages) if line in stage.lines)
        return history.kept[:, operand.index, :, : self.sizes.width(self.plan, stage)]

    def _factors(self) -> tuple[Tensor | None, int]:
        """The factors as [T or 1, factors, B, S], and the numbers between two steps."""
        given, sizes = self.given.factors, self.sizes
        if not given:
            return None, 0
        steps = max(one.shape[0] if one.dim() == 3 else 1 for one in given)
        rows = self.zeros(steps, len(given), sizes.batch, sizes.stride)
        for number, one in enumerate(given):
            rows[:, number, :, : one.shape[-1]] = one
        return rows, rows[0].numel() if steps > 1 else 0

    def empty(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.empty(shape, dtype=dtype, device=self.device)

    def zeros(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.zeros(shape, dtype=dtype, device=self.device)

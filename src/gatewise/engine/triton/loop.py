"""The loop over the steps of a call, forward and backward: a matrix product and a kernel for each stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gatewise.compiler.gradient import entries, kept
from gatewise.compiler.stages import RowLocation, StagePlan
from gatewise.compiler.triton_kernel import NumberedSlot, StepKernel, slots, state_of
from gatewise.compiler.triton_source import kernels
from gatewise.engine.triton.functions import functions
from gatewise.engine.triton.launches import repeat
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


@dataclass(frozen=True, eq=False)
class Gradients:
    """With respect to inputs, parameters by name and initial states."""

    inputs: Tensor
    parameters: Mapping[str, Tensor]
    initial: list[Tensor]


class Loop:
    """A call's buffers, and the launches of its steps.

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
        self.operands = {one.number: self._pair(one, self.dtype) for one in self.slots}

    def forward(self, keep: bool) -> History:
        """All steps. keep: whether to save what the gradient and a trace need at every step"""
        plan, sizes, keep = self.plan, self.sizes, self.keeps(keep)
        shape = (len(plan.program.states), sizes.batch, sizes.stride)
        states = self._empty(sizes.steps + 1, *shape)
        for state, value in zip(self.states_of_previous, self.given.initial, strict=True):
            states[0, state, :, : sizes.widths[state]] = value
        rows = max(1, len(kept(plan)))
        history = History(states, self._empty(sizes.steps if keep else 1, rows, *shape[1:]))
        for one in self._previous_slots():
            first = self._seen(states, one)[0]
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
        passed = self._zeros(2, len(self.plan.program.states), sizes.batch, sizes.stride)
        last = sizes.steps % 2
        for state, by in zip(self.states_of_previous, by_final, strict=True):
            if by is not None:
                passed[last, state, :, : by.shape[-1]] = by
        back = Back(self, history, by_states, by_kept, passed)
        self.run_backward(back)
        return self._gradients(history, back, passed[0], of_inputs)

    def run_backward(self, back: Back) -> None:
        """Launches the steps, from the last to the first."""
        last = self.sizes.steps - 1
        launches = [back.launches(parity) for parity in (0, 1)]

        def step(number: int) -> None:
            for launch in launches[(last + number) % 2]:
                launch(number)

        self.counter.fill_(last)
        repeat(step, self.sizes.steps, self.counter, -1)

    @property
    def chunk(self) -> int:
        """The steps that a program of a kernel of all steps runs."""
        return self.sizes.steps

    @property
    def chunks(self) -> int:
        """The number of chunks of steps."""
        return -(-self.sizes.steps // self.chunk)

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

    def _product(self, one: NumberedSlot, operand: Tensor) -> Launch:
        """The matrix product of a slot in a step."""
        matrix, into = self.weights.matrices[one.number], self.products[one.number]
        if not self.weights.by_head(one):
            rows, across = operand[:, : matrix.shape[-1]], matrix.t()
            return lambda _: torch.mm(rows, across, out=into)
        rows = self._heads(operand)
        across = matrix.transpose(1, 2)
        return lambda _: torch.bmm(rows, across, out=into)

    def _heads(self, rows: Tensor) -> Tensor:
        """[B, S] -> [heads, B, keys]."""
        return rows.unflatten(-1, (self.sizes.heads, -1)).transpose(0, 1)

    def _products(self, one: NumberedSlot) -> Tensor:
        """The products of a slot: of all inputs, or memory for those of a step."""
        matrix = self.weights.matrices[one.number]
        if one.slot.operand.where == "input":
            return self.given.inputs.flatten(0, 1).to(self.dtype) @ matrix.t()
        shape = (*matrix.shape[:-2], self.sizes.batch, matrix.shape[-2])
        return self._empty(*shape, dtype=self.dtype)

    def _pair(self, one: NumberedSlot, dtype: torch.dtype) -> Tensor:
        """Rows [2 or 1, B, S]: of a state before a step for even and odd steps, else for a step."""
        count = 2 if one.slot.operand.where == "previous" else 1
        return self._zeros(count, self.sizes.batch, self.sizes.stride, dtype=dtype)

    def _previous_slots(self) -> Iterator[NumberedSlot]:
        return (one for one in self.slots if one.slot.operand.where == "previous")

    def _seen(self, states: Tensor, one: NumberedSlot) -> Tensor:
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
                return self._seen(history.states, one)
            case "state":
                return history.states[1:, operand.index, :, : self.sizes.widths[operand.index]]
        line = self.plan.intermediates[operand.index]
        stage = next(k for k, stage in enumerate(self.plan.stages) if line in stage.lines)
        return history.kept[:, operand.index, :, : self.sizes.width(self.plan, stage)]

    def _gradients(self, history: History, back: Back, passed: Tensor, of_inputs: bool) -> Gradients:
        by_inputs = torch.zeros_like(self.given.inputs)
        by_matrix: list[Tensor] = []
        by_sums: dict[int, Tensor] = {}
        for one in self.slots:
            count, gradient = len(one.sums), back.history[one.group]
            operand = self.operand_history(history, one).flatten(0, 1).to(self.dtype)
            matrix = self.weights.matrices[one.number]
            if self.weights.by_head(one):  # [T, heads, B, k * keys] -> [heads, k * keys, T * B]
                rows = gradient.permute(1, 3, 0, 2).flatten(2)
                own = rows @ self._heads(operand)
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
            for one in self._previous_slots():
                if state_of(self.plan, one.slot.operand) == state:
                    by += back.through[one.number][0][:, : by.shape[-1]]
            if self.given.resets is not None:
                by.masked_fill_(self.given.resets[0][:, None], 0.0)
            initial.append(by)
        parameters = self.weights.gradients(by_matrix, by_sums, back.by_vectors.sum(0))
        return Gradients(by_inputs, parameters, initial)

    def _factors(self) -> tuple[Tensor | None, int]:
        """The factors as [T or 1, factors, B, S], and the numbers between two steps."""
        given, sizes = self.given.factors, self.sizes
        if not given:
            return None, 0
        steps = max(one.shape[0] if one.dim() == 3 else 1 for one in given)
        rows = self._zeros(steps, len(given), sizes.batch, sizes.stride)
        for number, one in enumerate(given):
            rows[:, number, :, : one.shape[-1]] = one
        return rows, rows[0].numel() if steps > 1 else 0

    def _empty(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.empty(shape, dtype=dtype, device=self.device)

    def _zeros(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.zeros(shape, dtype=dtype, device=self.device)


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

    def run_backward(self, back: Back) -> None:
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

    def ends(self, back: Back) -> tuple[Tensor, Tensor]:
        """The gradients after each chunk, and memory for those before it, [chunks, states, B, S]."""
        return back.passed[self.sizes.steps % 2, None], back.passed[:1]

    def before_forward(self, stage: int, values: Mapping[str, Any]) -> None:
        """Prepares the launch of a stage."""

    def before_backward(self, stage: int, values: Mapping[str, Any]) -> None:
        """Prepares the launch of a stage's gradient."""

    def _products(self, one: NumberedSlot) -> Tensor:
        return super()._products(one) if one.slot.operand.where == "input" else self._empty(0)

    def _slots_of_values(self, stage: int) -> list[NumberedSlot]:
        return [one for one in self.slots if one.stage == stage and one.slot.operand.where != "input"]

    def _product_of_steps(self, history: History, one: NumberedSlot) -> Tensor:
        """The products of values at all steps, [T, heads, B, k * keys]."""
        operand = self.operand_history(history, one).to(self.dtype)
        matrix = self.weights.matrices[one.number]
        if self.weights.by_head(one):
            operand = operand.unflatten(-1, (self.sizes.heads, -1)).transpose(1, 2)
        return operand @ matrix.transpose(-1, -2)

    def _through_steps(self, back: Back, one: NumberedSlot) -> Tensor:
        """The gradients through a slot at all steps, [T, B, S]."""
        found = back.history[one.group] @ self.weights.matrices[one.number]  # [T, heads, B, keys]
        rows = self._zeros(self.sizes.steps, self.sizes.batch, self.sizes.stride, dtype=self.dtype)
        found = found.transpose(1, 2).flatten(2)
        rows[..., : found.shape[-1]] = found
        return rows


class Back:
    """The buffers of a backward pass.

    through: the gradients through each slot, as `Loop.operands`; history: of each group's sums at every step,
    [T, heads, B, k * keys]; by_vectors: [tiles of rows and chunks, vectors, S]
    """

    loop: Loop
    passed: Tensor
    kernels: tuple[StepKernel, ...]
    through: dict[int, Tensor]
    history: dict[int, Tensor]
    gradient: dict[int, Tensor]
    by_vectors: Tensor

    def __init__(
        self, loop: Loop, history: History, by_states: Tensor, by_kept: Tensor | None, passed: Tensor
    ) -> None:
        self.loop, self.passed, sizes, plan = loop, passed, loop.sizes, loop.plan
        self.kernels = kernels(plan).backward
        self.through = {one.number: loop._pair(one, loop.dtype) for one in loop.slots}
        groups = {one.group: one for one in loop.slots}
        shapes = {
            group: (sizes.heads, sizes.batch, len(one.sums) * sizes.width(plan, one.stage) // sizes.heads)
            for group, one in groups.items()
        }
        self.history = {
            group: loop._empty(sizes.steps, *shape, dtype=loop.dtype) for group, shape in shapes.items()
        }
        self.gradient = {group: loop._empty(*shape, dtype=loop.dtype) for group, shape in shapes.items()}
        tiles = [
            tile_of(kernel, sizes.batch, sizes.width(plan, stage)).grid[0]
            for stage, kernel in enumerate(self.kernels)
        ]
        self.by_vectors = loop._zeros(max(tiles) * loop.chunks, max(1, len(plan.vectors)), sizes.stride)
        steps = (sizes.steps,) if kernels(plan).runs_all_steps else ()
        self.values: dict[str, Any] = {
            "states": history.states, "kept": history.kept, "by_states": by_states, "by_kept": by_kept,
            "by_step": by_states[0].numel(), "kept_step": history.kept[0].numel(),
            "d_vectors": self.by_vectors,
            "entries": loop._zeros(*steps, max(1, len(entries(plan))), sizes.batch, sizes.stride),
            "KEEP": True, "TRACED": by_kept is not None,
        }  # fmt: skip
        self.values |= {f"history_{group}": one for group, one in self.history.items()}
        self.values |= {f"gradient_{group}": one for group, one in self.gradient.items()}

    def launches(self, parity: int) -> list[Launch]:
        """The launches of a step with a number of this parity."""
        loop, found = self.loop, []
        values = self.values | {"carried": self.passed[1 - parity], "passed": self.passed[parity]}
        for one in loop.slots:
            pair = self.through[one.number]
            values[f"through_{one.number}"] = pair[(1 - parity) % len(pair)]
        for stage in reversed(range(len(self.kernels))):
            found.append(loop.launch(self.kernels[stage], stage, values))
            for one in loop.slots:
                if one.stage == stage and one.slot.operand.where != "input":
                    pair = self.through[one.number]
                    found.append(self._through(one, pair[parity % len(pair)]))
        return found

    def _through(self, one: NumberedSlot, into: Tensor) -> Launch:
        """The gradient through a slot in a step."""
        matrix, gradient = self.loop.weights.matrices[one.number], self.gradient[one.group]
        if self.loop.weights.by_head(one):
            rows = self.loop._heads(into)
            return lambda _: torch.bmm(gradient, matrix, out=rows)
        sums, rows = gradient[0], into[:, : matrix.shape[-1]]
        return lambda _: torch.mm(sums, matrix, out=rows)

    def in_order(self, gradient: Tensor, count: int) -> Tensor:
        """[T, heads, B, k * keys] -> [T, B, k * H]."""
        if gradient.shape[1] == 1:
            return gradient.squeeze(1)
        return gradient.unflatten(-1, (count, -1)).permute(0, 2, 3, 1, 4).flatten(2)

"""A kernel as an operation that PyTorch can differentiate."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.notation import Constant, Expression, Operation, Previous, Vector
from gatewise.compiler.stages import Accumulated
from gatewise.engine import workspace
from gatewise.engine.kernel import Kernel, put
from gatewise.engine.reference import FUNCTIONS


class Along(torch.autograd.Function):
    """A cell along sequences, by its kernel; the gradient by the kernel's own reverse.

    x: [T, B, I]; bias: [sums, P]; vectors: [vectors, P]; matrices: as the layer has them
    initial: [B, P] for each state; active: [T] int32 or None; resets: [T, B] uint8 or None
    Returns every state and, if `keep`, every saved line of every step, [T, B, P] each.
    """

    @staticmethod
    def forward(
        ctx: Any, kernel: Kernel, keep: bool, active: Tensor | None, resets: Tensor | None,
        x: Tensor, bias: Tensor, vectors: Tensor, *rest: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        matrices, initial = rest[: len(kernel.matrices)], rest[len(kernel.matrices) :]
        count = len(kernel.saved) if keep else 0
        buffers = [x.new_empty(*x.shape[:2], bias.shape[1]) for _ in range(len(initial) + count)]
        problem, alive = kernel.problem(active, resets, x, bias, vectors, matrices, initial)
        put(problem.states, buffers[: len(initial)])
        put(problem.saved, buffers[len(initial) :])
        packed = workspace.take(x, kernel.call("packed_size", x.dtype, ctypes.byref(problem)))
        for step in ("pack", "forward"):
            kernel.call(step, x.dtype, ctypes.byref(problem), ctypes.c_void_p(packed.data_ptr()))
        del alive
        workspace.give_back(packed)
        ctx.kernel, ctx.active, ctx.resets = kernel, active, resets
        ctx.save_for_backward(x, bias, vectors, *rest, *buffers)
        ctx.mark_non_differentiable(*buffers[len(initial) :])
        ctx.set_materialize_grads(False)
        return tuple(buffers)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        kernel: Kernel = ctx.kernel
        count = len(kernel.matrices) + len(kernel.cell.state)
        inputs, buffers = ctx.saved_tensors[: 3 + count], ctx.saved_tensors[3 + count :]
        by_state = gradients[: len(kernel.cell.state)]
        if torch.is_grad_enabled():  # a gradient of the gradient is wanted: go by plain PyTorch
            return (None,) * 4 + _by_plain_steps(ctx, inputs, by_state)
        return (None,) * 4 + _by_kernel(ctx, inputs, buffers, by_state)


def _by_kernel(
    ctx: Any, inputs: Sequence[Tensor], buffers: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> tuple[Tensor | None, ...]:
    kernel: Kernel = ctx.kernel
    x, bias, vectors, *rest = inputs
    matrices, initial = rest[: len(kernel.matrices)], rest[len(kernel.matrices) :]
    states, saved = buffers[: len(initial)], buffers[len(initial) :]
    problem, alive = kernel.problem(ctx.active, ctx.resets, x, bias, vectors, matrices, initial)
    incoming = [None if one is None else one.contiguous() for one in gradients]
    carried = [torch.zeros_like(one) for one in initial]
    sums = workspace.take(x, x.shape[0] * x.shape[1] * bias.numel()).view(*x.shape[:2], *bias.shape)
    by_vector = x.new_zeros(problem.threads, *vectors.shape)
    put(problem.states, states)
    put(problem.saved, saved)
    put(problem.state_gradients, incoming)
    put(problem.carried, carried)
    problem.sum_gradients, problem.vector_gradients = sums.data_ptr(), by_vector.data_ptr()
    kernel.call("backward", x.dtype, ctypes.byref(problem))
    del alive
    by_x = torch.zeros_like(x) if ctx.needs_input_grad[4] else None
    by_matrix = [torch.zeros_like(one) for one in matrices]
    products = _Products(kernel, sums, matrices, by_matrix)
    for slot in kernel.stage.slots:
        if slot.operand == "x":
            products.of_slot(len(slot.products), [(x, 0)], by_x)
        else:
            place = kernel.cell.state.index(slot.operand)
            before, after = initial[place][None], states[place]
            if ctx.resets is None:
                pieces = [(before, 0), (after[:-1], 1)]
            else:
                seen = torch.cat([before, after[:-1]])
                pieces = [(seen.masked_fill(ctx.resets[:, :, None].bool(), 0.0), 0)]
            products.of_slot(len(slot.products), pieces, None)
    by_bias = sums.sum((0, 1))
    workspace.give_back(sums)
    return (by_x, by_bias, by_vector.sum(0), *by_matrix, *carried)


class _Products:
    """The products over all steps at once: of the weights' gradient, and of the input's."""

    def __init__(
        self, kernel: Kernel, sums: Tensor, matrices: Sequence[Tensor], gradients: Sequence[Tensor]
    ) -> None:
        self.kernel, self.sums = kernel, sums  # [T, B, sums, P]
        self.known = dict(zip(kernel.matrices, zip(matrices, gradients, strict=True), strict=True))
        self.units = kernel.units(dict(zip(kernel.matrices, matrices, strict=True)))
        self.row = iter(kernel.rows)
        self.index = iter(index for slot in kernel.stage.slots for index, _, _ in slot.products)

    def of_slot(self, count: int, pieces: list[tuple[Tensor, int]], by_x: Tensor | None) -> None:
        """pieces: what the slot multiplied, [T', B, width or P] each, from a step on."""
        size, total = self.sums.element_size(), self.sums.shape[2] * self.sums.shape[3]
        for name, block, index, rows in self._runs(count):
            matrix, gradient = self.known[name]
            width = matrix.shape[1]
            offset = block * self.units * width * size
            shift = index * self.sums.shape[3] * size
            for values, first in pieces:
                depth = values.shape[0] * values.shape[1]
                own = self.sums[first:].data_ptr() + shift if depth else 0
                self._add(rows, width, depth, own, (1, total), values.data_ptr(), values.shape[2],
                          gradient.data_ptr() + offset)  # fmt: skip
            if by_x is not None:
                steps = by_x.shape[0] * by_x.shape[1]
                self._add(steps, width, rows, self.sums.data_ptr() + shift, (total, 1),
                          matrix.data_ptr() + offset, width, by_x.data_ptr())  # fmt: skip

    def _runs(self, count: int) -> list[tuple[str, int, int, int]]:
        """The slot's products: matrix, block, sum and rows; those that lie behind each other are one."""
        runs: list[tuple[str, int, int, int]] = []
        for _ in range(count):
            (name, block), index = next(self.row), next(self.index)
            if runs and self.sums.shape[3] == self.units:
                last, start, first, rows = runs[-1]
                if (last, start * self.units + rows, first * self.units + rows) == (
                    name, block * self.units, index * self.units,
                ):  # fmt: skip
                    runs[-1] = (last, start, first, rows + self.units)
                    continue
            runs.append((name, block, index, self.units))
        return runs

    def _add(
        self, m: int, n: int, k: int, a: int, a_steps: tuple[int, int], b: int, b_row: int, c: int
    ) -> None:
        """c [m, n] += a [m, k] b [k, n], each from an address on."""
        if k:
            numbers = (m, n, k, a, *a_steps, b, b_row, 1, c, n, torch.get_num_threads())
            self.kernel.call("product", self.sums.dtype, *map(ctypes.c_int64, numbers))


def _by_plain_steps(
    ctx: Any, inputs: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> tuple[Tensor | None, ...]:
    """The same gradient by PyTorch's own operations, which can be differentiated again."""
    with torch.enable_grad():
        states = _plain_steps(ctx.kernel, ctx.active, ctx.resets, *inputs)
        pairs = [(state, one) for state, one in zip(states, gradients, strict=True) if one is not None]
        wanted = [one for one in inputs if one.requires_grad]
        found = iter(
            torch.autograd.grad(
                [state for state, _ in pairs], wanted, [one for _, one in pairs],
                create_graph=True, allow_unused=True,
            )
        )  # fmt: skip
    return tuple(next(found) if one.requires_grad else None for one in inputs)


def _plain_steps(
    kernel: Kernel, active: Tensor | None, resets: Tensor | None, x: Tensor, bias: Tensor, vectors: Tensor,
    *rest: Tensor,
) -> list[Tensor]:  # fmt: skip
    """What the kernel computes, step by step in PyTorch: each state at every step, [T, B, P]."""
    matrices = dict(zip(kernel.matrices, rest[: len(kernel.matrices)], strict=True))
    state = dict(zip(kernel.cell.state, rest[len(kernel.matrices) :], strict=True))
    units, width = kernel.units(matrices), bias.shape[1]
    inside = None if active is None else torch.arange(x.shape[1])[:, None] < active[:, None, None]
    history: dict[str, list[Tensor]] = {name: [] for name in state}
    for t, seen in enumerate(x):
        if resets is not None:
            state = {name: one.masked_fill(resets[t, :, None].bool(), 0.0) for name, one in state.items()}
        sums, rows = list(bias), iter(kernel.rows)
        for slot in kernel.stage.slots:
            operand = seen if slot.operand == "x" else state[slot.operand][:, :units]
            for index, _, _ in slot.products:
                name, block = next(rows)
                product = operand @ matrices[name][block * units : (block + 1) * units].T
                sums[index] = sums[index] + torch.nn.functional.pad(product, (0, width - units))
        lines: dict[str, Tensor] = {}
        value = _evaluator(kernel, sums, state, lines, vectors)
        for name, line in kernel.stage.lines.items():
            lines[name] = value(line)
        new = {name: lines[name] for name in state}
        if inside is not None:
            new = {name: torch.where(inside[t], one, state[name]) for name, one in new.items()}
        for name, one in new.items():
            history[name].append(one if inside is None else one.masked_fill(~inside[t], 0.0))
        state = new
    return [torch.stack(values) for values in history.values()]


def _evaluator(
    kernel: Kernel, sums: list[Tensor], state: dict[str, Tensor], lines: dict[str, Tensor], vectors: Tensor
) -> Callable[[Expression], Any]:
    def value(expression: Expression) -> Any:
        match expression:
            case Operation(function=name, arguments=arguments):
                return FUNCTIONS[name](*(lines[one.line] if one.line else value(one) for one in arguments))
            case Accumulated(index=index):
                return sums[index]
            case Previous(state=name):
                return state[name]
            case Vector(family=family, block=block):
                return vectors[kernel.vectors.index((family, block))].expand(len(sums[0]), -1)
            case Constant(value=number):
                return number
        raise TypeError(f"no value for {expression}")

    return value

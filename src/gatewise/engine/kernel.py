"""A compiled cell: a request as the kernel wants it, and calls into it."""

from __future__ import annotations

import ctypes
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.compiler.layout import TORCH_NAMES, layout
from gatewise.compiler.program import PLAIN, PROJECTION, Extras
from gatewise.compiler.source import matrices
from gatewise.compiler.stages import plan
from gatewise.compiler.values import kept
from gatewise.engine import workspace
from gatewise.engine.build import built
from gatewise.engine.request import Request

NUMBERS = {torch.float32: "float", torch.float64: "double"}
FACTORS = {**NUMBERS, torch.bfloat16: "Bfloat16"}  # of products; with those of bfloat16 all else is float32
NOWHERE = (0, 0)
ALL = -1  # the ring of rows that are kept for all steps
MOST_PACKED = 1 << 28  # bytes of packed weights that are kept for the next call
LARGE = 4_000_000  # weights that no core's own cache holds
SMALL = 800_000  # multiplications of a call below which more threads cost more than they do


@dataclass(eq=False)
class Run:
    """A request's tensors in the kernel's form, and the results of its forward call.

    Positions are in one row: T is a sequence's steps or all positions of a lattice, F those on a side of it.

    sizes: of the lattice, or (T,); inputs: [T, B, I]
    initial: [F, B, H'] for each predecessor, or [B, H']; H' is H filled up to whole vectors
    history: [T, B, H'] of each state ([2, B, H'] where only the last is wanted); final: as initial
    inner: [T, B, kept, H'] what is kept beside the states, or None
    """

    request: Request
    sizes: tuple[int, ...]
    inputs: Tensor
    parameters: Mapping[str, Tensor]
    initial: list[Tensor]
    lengths: Tensor | None
    resets: Tensor | None
    factors: list[Tensor]
    history: list[Tensor] = field(default_factory=list)
    final: list[Tensor | None] = field(default_factory=list)
    inner: Tensor | None = None
    names: tuple[str, ...] = ()  # of the parameters
    shapes: tuple[torch.Size, ...] = ()  # of the states that enter

    def tensors(self) -> list[Tensor]:
        """All that the gradient reads, as `with_tensors` takes it."""
        inner = [] if self.inner is None else [self.inner]
        return [self.inputs, *self.parameters.values(), *self.initial, *self.history, *inner]

    def without_tensors(self) -> Run:
        """A run without them, so that memory is free as soon as autograd, which keeps them, lets go."""
        nothing = self.inputs[:0]
        bare = replace(self.request, inputs=nothing, parameters={}, state={})
        inner = None if self.inner is None else nothing
        return replace(self, request=bare, inputs=nothing, parameters={}, inner=inner,
                       initial=[nothing] * len(self.initial), history=[nothing] * len(self.history),
                       final=[None] * len(self.final))  # fmt: skip

    def with_tensors(self, given: Iterator[Tensor]) -> Run:
        """The run with its tensors again, taken from those that are given."""
        return replace(
            self, inputs=next(given), parameters={name: next(given) for name in self.names},
            initial=[next(given) for _ in self.initial], history=[next(given) for _ in self.history],
            inner=None if self.inner is None else next(given),
        )  # fmt: skip


class Kernel:
    """One cell's library for one type of factors, and its parameters by matrix, bias and vector."""

    def __init__(self, cell: CellType, extras: Extras, factors: torch.dtype) -> None:
        self.cell, self.extras = cell, extras
        self.dtype = torch.float32 if factors == torch.bfloat16 else factors
        self.plan = plan(cell, extras)
        self.kept = kept(self.plan)
        self.library = built(self.plan, FACTORS[factors])
        self.blocks = {one.name: one.blocks for one in layout(cell).parameters}
        self.blocks[PROJECTION] = ("",)
        names = [
            *matrices(self.plan),
            *((TORCH_NAMES[family][1], block) for _, family, block in self.plan.biases),
            *self.plan.vectors,
        ]
        self.places = [(name, self.blocks[name].index(block)) for name, block in names]
        self.first = next(one for one in layout(cell).parameters)
        self.lanes = self.library.vector_lanes()
        self.packed: OrderedDict[tuple[int, ...], Tensor] = OrderedDict()
        self.lock = threading.Lock()

    def units(self, parameters: Mapping[str, Tensor]) -> int:
        """H, from the parameters."""
        return parameters[self.first.name].shape[0] // len(self.first.blocks)

    def weights(self, units: int, inputs: int) -> int:
        """About how many numbers all matrices have together."""
        return self.plan.sums * units * (units + inputs)

    def width(self, state: str, parameters: Mapping[str, Tensor]) -> int:
        """Of a state: H, or what the projection makes of it."""
        projected = self.extras.projected and state == self.cell.state[0]
        return len(parameters[PROJECTION]) if projected else self.units(parameters)

    def padded(self, width: int) -> int:
        """A width filled up to whole vectors."""
        return -(-width // self.lanes) * self.lanes

    def filled_up(self, values: Tensor) -> Tensor:
        """[..., H] -> [..., H'], zeros behind; rows are whole in memory."""
        if values.dim() == 3 and not any(values.stride()):  # one number for all, as of a sum's gradient
            return self.filled_up(values[0, 0].contiguous()).expand(*values.shape[:2], -1)
        more = -values.shape[-1] % self.lanes
        if more:
            return functional.pad(values, (0, more))
        return values if values.stride(-1) == 1 else values.contiguous()

    def prepared(self, request: Request) -> Run:
        """A request's tensors in the kernel's form."""
        inputs, axes = request.inputs, self.cell.axes
        sizes = tuple(inputs.shape[:axes])
        factors = []
        for name in self.plan.program.factors:
            given = request.hidden_mask if name == "mask" else request.zoneout[name]
            like = request.state[self.cell.state[0] if name == "mask" else name]
            given = given if isinstance(given, Tensor) else torch.full_like(like, float(given or 0))
            factors.append(self.filled_up(given.to(inputs.dtype)).expand(sizes[0], -1, -1))
        inputs = inputs.flatten(0, axes - 1) if axes > 1 else inputs
        return Run(
            request,
            sizes,
            inputs if inputs.stride(-1) == 1 else inputs.contiguous(),
            {name: one.contiguous() for name, one in request.parameters.items()},
            [self.filled_up(one_row(request.state[name])) for name in self.cell.previous],
            None if request.lengths is None else request.lengths.to(torch.int64).contiguous(),
            None if request.resets is None else request.resets.contiguous().view(torch.uint8),
            factors,
            names=tuple(request.parameters),
            shapes=tuple(request.state[name].shape for name in self.cell.previous),
        )

    def forward(self, runs: Sequence[Run], keep: bool) -> None:
        """Fills in the results of runs, side by side; `keep`: all that the gradient, or a trace, needs."""
        for run in runs:
            self._make_room(run, keep)
        self.call(self.library.forward, runs, [None] * len(runs), 1)

    def _make_room(self, run: Run, keep: bool) -> None:
        request, (steps, batch, _) = run.request, run.inputs.shape
        lattice = self.cell.axes > 1
        whole = keep or request.trace or lattice  # of a lattice more than two steps are needed
        for number, name in enumerate(self.cell.state):
            width = self.padded(self.width(name, run.parameters))
            shape = (steps if whole or number == 0 else 2, batch, width)
            run.history.append(workspace.empty(shape, self.dtype))
        final = [workspace.empty(one.shape, self.dtype) for one in run.initial]
        if lattice and run.lengths is not None:  # there is a side's position where no sample leaves
            final = [one.zero_() for one in final]
        run.final = [*final]
        all_inner = request.trace or (keep and not request.recompute) or lattice
        if self.kept and (all_inner or len(self.plan.stages) > 1):
            width = self.padded(self.units(run.parameters))
            run.inner = workspace.empty((steps if all_inner else 2, batch, len(self.kept), width), self.dtype)

    def call(self, function: Any, runs: Sequence[Run], gradients: Sequence[Any], scratch_size: int) -> None:
        """Calls `forward` or `backward` of the library; `scratch_size`: which of `sizes` it needs."""
        calls, held = [], []
        for run, gradient in zip(runs, gradients, strict=True):
            problem = self.problem(run, len(runs))
            sizes = self.sizes(problem)
            packed, scratch = self.packed_for(problem, run, sizes[0]), workspace.take(sizes[scratch_size])
            held.append((problem, packed, scratch))
            calls += [
                ctypes.addressof(problem), 0 if gradient is None else ctypes.addressof(gradient),
                packed.data_ptr(), scratch.data_ptr(),
            ]  # fmt: skip
        function((ctypes.c_int64 * len(calls))(*calls), ctypes.c_int64(len(runs)))
        for _, _, scratch in held:
            workspace.give_back(scratch)

    def sizes(self, problem: Any) -> list[int]:
        """Bytes of the packed parameters, and of the memory forward and backward."""
        sizes = (ctypes.c_int64 * 3)()
        self.library.sizes(problem, sizes)
        return sizes[:]

    def packed_for(self, problem: Any, run: Run, size: int) -> Tensor:
        """The parameters in the kernel's order; packed anew where any number of them has changed."""
        key = (size, *map(Tensor.data_ptr, run.parameters.values()))
        with self.lock:
            known = self.packed.get(key)
        if known is not None and self.library.same(problem, pointer(known)):
            return known
        fresh = workspace.empty((size,), torch.uint8)
        self.library.pack(problem, pointer(fresh))
        with self.lock:
            self.packed[key] = fresh
            self.packed.move_to_end(key)
            while len(self.packed) > 1 and sum(map(len, self.packed.values())) > MOST_PACKED:
                self.packed.popitem(last=False)
        return fresh

    def problem(self, run: Run, side_by_side: int) -> Any:
        """`Problem` of native/problem.h, number by number, for one of so many that run at once."""
        request, parameters = run.request, run.parameters
        _, batch, inputs = run.inputs.shape
        units = self.units(parameters)
        numbers = [
            *run.sizes, batch, inputs, units, self.width(self.cell.state[0], parameters),
            *ways(run.sizes, batch, self.weights(units, inputs), side_by_side),
            request.recompute and self.cell.axes == 1, *request.directions,
            address(run.lengths), address(run.resets), *self.addresses(parameters),
            *rows(run.inputs), *many(run.initial), *many(run.history), *many(run.final),
            *rows(run.inner), *many(run.factors),
        ]  # fmt: skip
        return (ctypes.c_int64 * len(numbers))(*numbers)

    def addresses(self, tensors: Mapping[str, Tensor | None]) -> list[int]:
        """Of all matrices, biases and vectors, or of their gradients; zero for what is not there."""
        places = {
            name: (one.data_ptr(), one.nbytes // len(self.blocks[name]))
            for name, one in tensors.items()
            if one is not None
        }
        found = [(places.get(name, NOWHERE), block) for name, block in self.places]
        return [first + block * size for (first, size), block in found]


_forked = False  # OpenMP's threads are not there in a forked child, which would wait for them for ever


def _after_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def ways(sizes: tuple[int, ...], batch: int, weights: int, side_by_side: int = 1) -> tuple[int, bool, bool]:
    """How many threads run a problem, if they share units rather than rows, if inputs are multiplied ahead.

    Rows are shared without any waiting. But each thread then reads all weights, which is too much where
    rows are few, or weights too many for the cache of a core. A lattice has many rows for each sample.
    """
    alone = _forked or prod(sizes) * batch * weights < SMALL
    threads = 1 if alone else torch.get_num_threads() // side_by_side
    few = batch < 12 * threads if len(sizes) == 1 else batch % threads > 0 and batch < 4 * threads
    return threads, threads > 1 and (few or weights > LARGE), batch <= 2 and len(sizes) == 1


def fit_side_by_side(count: int) -> bool:
    """Whether so many problems can run at once, each with as many threads as the others, none left over."""
    return count > 1 and not _forked and torch.get_num_threads() % count == 0


def pointer(tensor: Tensor) -> ctypes.c_void_p:
    """A tensor's address, as an argument."""
    return ctypes.c_void_p(tensor.data_ptr())


def address(tensor: Tensor | None) -> int:
    """A tensor's address, zero for none."""
    return 0 if tensor is None else tensor.data_ptr()


def one_row(values: Tensor) -> Tensor:
    """[*F, B, H] -> [F, B, H], all positions in one row; [B, H] as it is."""
    return values.flatten(0, -3) if values.dim() > 3 else values


def rows(tensor: Tensor | None) -> tuple[int, int, int, int]:
    """`Rows` of native/problem.h: [T, B, ...], or [B, ...] at each step; two steps are a ring."""
    if tensor is None:
        return 0, 0, 0, ALL
    if tensor.dim() == 2:
        return tensor.data_ptr(), 0, tensor.stride(0), ALL
    step, row = tensor.stride()[:2]
    return tensor.data_ptr(), step, row, 1 if tensor.shape[0] == 2 else ALL


def many(tensors: Sequence[Tensor | None]) -> list[int]:
    """The rows of several tensors."""
    return [number for one in tensors for number in rows(one)]


@cache
def kernel(cell: CellType, extras: Extras = PLAIN, factors: torch.dtype = torch.float32) -> Kernel:
    """The compiled cell. Errors: `BuildError` where it can't be compiled."""
    return Kernel(cell, extras, factors)

"""A compiled cell: requests in the form of the kernel, and calls of its functions."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.compiler.gradient import kept
from gatewise.compiler.layout import TORCH_NAMES, layout
from gatewise.compiler.program import PROJECTION, Extras
from gatewise.compiler.source import matrices
from gatewise.compiler.stages import plan
from gatewise.engine import workspace
from gatewise.engine.build import built
from gatewise.engine.int8 import scale_name
from gatewise.engine.packing import WeightCache
from gatewise.engine.request import Request
from gatewise.engine.shapes import check
from gatewise.engine.thread_plan import new_lock, plan_threads

NUMBERS = {torch.float32: "float", torch.float64: "double"}
FACTORS = {
    **NUMBERS,
    torch.bfloat16: "Bfloat16",
    torch.int8: "Int8",
}  # of products; beside bfloat16 and int8 factors all is float32
NOWHERE = (0, 0)
Numbers: TypeAlias = "array[int]"  # of 8 bytes each: a struct of native/problem.h
ALL = -1  # the ring of rows that exist for all steps


@dataclass(eq=False)
class KernelCall:
    """A request's tensors in the kernel's form, and the results of its forward call.

    Positions are flattened: T is the steps of a sequence or all positions of a lattice, F those on a side.

    sizes: of the lattice, or (T,); inputs: [T, B, I]
    initial: [F, B, H'] for each predecessor, or [B, H']; H' is H padded to whole vectors
    history: [T, B, H'] of each state ([2, B, H'] if only the last is needed); final: as initial
    intermediates: [T, B, kept, H'], the values saved beside the states, or None
    """

    request: Request
    sizes: tuple[int, ...]
    inputs: Tensor
    parameters: Mapping[str, Tensor]
    initial: list[Tensor]
    lengths: Tensor | None
    resets: Tensor | None
    factors: list[Tensor]
    units: int
    widths: tuple[int, ...]  # of each state: H, or P if it is projected
    names: tuple[str, ...]  # of the parameters
    shapes: tuple[torch.Size, ...]  # of the initial states
    history: list[Tensor] = field(default_factory=list)
    final: list[Tensor | None] = field(default_factory=list)
    intermediates: Tensor | None = None

    def tensors(self) -> list[Tensor]:
        """All tensors that the gradient reads, in the order of `with_tensors`."""
        given = [self.inputs, *self.parameters.values(), *self.initial, *self.factors]
        optional = [one for one in (self.lengths, self.resets, self.intermediates) if one is not None]
        return [*given, *self.history, *optional]

    def without_tensors(self) -> KernelCall:
        """The call without its tensors, so that their memory is free as soon as autograd releases them."""
        nothing = self.inputs[:0]
        request = self.request
        rates = {name: one for name, one in request.zoneout.items() if not isinstance(one, Tensor)}
        bare = replace(request, inputs=nothing, parameters={}, state={}, lengths=None, resets=None,
                       zoneout=rates, hidden_mask=None)  # fmt: skip
        lengths, resets, intermediates = (
            None if one is None else nothing for one in (self.lengths, self.resets, self.intermediates)
        )
        return replace(self, request=bare, inputs=nothing, parameters={}, lengths=lengths, resets=resets,
                       factors=[nothing] * len(self.factors), initial=[nothing] * len(self.initial),
                       history=[nothing] * len(self.history), final=[None] * len(self.final),
                       intermediates=intermediates)  # fmt: skip

    def with_tensors(self, given: Iterator[Tensor]) -> KernelCall:
        """The call with its tensors, taken from an iterator."""
        return replace(
            self, inputs=next(given), parameters={name: next(given) for name in self.names},
            initial=[next(given) for _ in self.initial], factors=[next(given) for _ in self.factors],
            history=[next(given) for _ in self.history],
            lengths=None if self.lengths is None else next(given),
            resets=None if self.resets is None else next(given),
            intermediates=None if self.intermediates is None else next(given),
        )  # fmt: skip


class Kernel:
    """One cell's library for one type of factors, and its parameters by matrix, bias and vector."""

    def __init__(self, cell: CellType, extras: Extras, factors: torch.dtype) -> None:
        self.cell, self.extras = cell, extras
        self.dtype = factors if factors in NUMBERS else torch.float32
        self.is_int8 = factors == torch.int8
        self.plan = plan(cell, extras)
        self.kept = kept(self.plan)
        self.library = declared(built(self.plan, FACTORS[factors]))
        self.blocks = {one.name: one.blocks for one in layout(cell).parameters}
        self.blocks[PROJECTION] = ("",)
        names = [
            *matrices(self.plan),
            *((TORCH_NAMES[family][1], block) for _, family, block in self.plan.biases),
            *self.plan.vectors,
        ]
        if self.is_int8:
            self.blocks |= {scale_name(name): blocks for name, blocks in self.blocks.items()}
            names += [(scale_name(name), block) for name, block in matrices(self.plan)]
        self.places = [(name, self.blocks[name].index(block)) for name, block in names]
        self.first = layout(cell).parameters[0]
        self.states_of_previous = [cell.state.index(one.state) for one in cell.previous.values()]
        self.lanes = self.library.vector_lanes()
        self.weights = WeightCache()

    def units(self, parameters: Mapping[str, Tensor]) -> int:
        """H, from the parameters."""
        return parameters[self.first.name].shape[0] // len(self.first.blocks)

    def widths(self, units: int, parameters: Mapping[str, Tensor]) -> tuple[int, ...]:
        """The width of each state: H, or P if it is projected."""
        output = len(parameters[PROJECTION]) if self.extras.projected else units
        return (output, *[units] * (len(self.cell.state) - 1))

    def padded(self, width: int) -> int:
        """A width padded to whole vectors."""
        return -(-width // self.lanes) * self.lanes

    def pad_rows(self, values: Tensor) -> Tensor:
        """[..., H] -> [..., H'], padded with zeros; rows are contiguous."""
        if values.dim() == 3 and not any(values.stride()):  # one number for all, as in the gradient of a sum
            return self.pad_rows(values[0, 0].contiguous()).expand(*values.shape[:2], -1)
        more = -values.shape[-1] % self.lanes
        if more:
            return functional.pad(values, (0, more))
        return values if values.stride(-1) == 1 else values.contiguous()

    def prepare(self, request: Request) -> KernelCall:
        """A request's tensors in the kernel's form.

        Raises: `GatewiseError` if the shape of any is not that of the cell's layout.
        """
        check(request)
        inputs, axes = request.inputs, self.cell.axes
        sizes, units = tuple(inputs.shape[:axes]), self.units(request.parameters)
        factors = [
            self.pad_rows(factor(request, name).to(inputs.dtype)).expand(sizes[0], -1, -1)
            for name in self.plan.program.factors
        ]
        inputs = inputs.flatten(0, axes - 1) if axes > 1 else inputs
        return KernelCall(
            request,
            sizes,
            inputs if inputs.stride(-1) == 1 else inputs.contiguous(),
            {name: one.contiguous() for name, one in request.parameters.items()},
            [self.pad_rows(one_row(request.state[name])) for name in self.cell.previous],
            None if request.lengths is None else request.lengths.to(torch.int64).contiguous(),
            None if request.resets is None else request.resets.contiguous().view(torch.uint8),
            factors,
            units,
            self.widths(units, request.parameters),
            tuple(request.parameters),
            tuple([request.state[name].shape for name in self.cell.previous]),
        )

    def forward(self, calls: Sequence[KernelCall], keep: bool) -> None:
        """Computes the results of calls, in parallel. keep: whether to save what the gradient needs"""
        for call in calls:
            self.allocate(call, keep)
        self.call(self.library.forward, calls, [None] * len(calls), 1)

    def allocate(self, call: KernelCall, keep: bool) -> None:
        """Allocates the results of a call. keep: as in `forward`"""
        request, (steps, batch, _) = call.request, call.inputs.shape
        lattice = self.cell.axes > 1
        whole = keep or request.trace or lattice  # a lattice needs more than two steps
        for number, width in enumerate(call.widths):
            shape = (steps if whole or number == 0 else 2, batch, self.padded(width))
            call.history.append(workspace.empty(shape, self.dtype))
        final = [workspace.empty(one.shape, self.dtype) for one in call.initial]
        if lattice and call.lengths is not None:  # some positions of a side belong to no sample
            final = [one.zero_() for one in final]
        call.final = [*final]
        all_intermediates = request.trace or (keep and not request.recompute) or lattice
        if self.kept and (all_intermediates or len(self.plan.stages) > 1):
            width = self.padded(call.units)
            call.intermediates = workspace.empty(
                (steps if all_intermediates else 2, batch, len(self.kept), width), self.dtype
            )

    def call(
        self,
        function: Any,
        calls: Sequence[KernelCall],
        gradients: Sequence[Numbers | None],
        scratch_size: int,
    ) -> None:
        """Calls `forward` or `backward` of the library. scratch_size: the index of its size in `sizes`"""
        pointers, alive = [], []
        threads = self.thread_plan(calls)
        for call, gradient in zip(calls, gradients, strict=True):
            weights = self.weights.find(self.key(call), partial(self.addresses, call.parameters))
            problem = self.problem(call, weights.addresses, threads)
            sizes = self.sizes(problem)
            packed = weights.ready(self.library, problem.buffer_info()[0], sizes[0])
            scratch = workspace.take(sizes[scratch_size])
            alive.append((problem, packed, scratch))
            by = 0 if gradient is None else gradient.buffer_info()[0]
            pointers += [problem.buffer_info()[0], by, packed.data_ptr(), scratch.data_ptr()]
        numbers = array("q", pointers)
        function(numbers.buffer_info()[0], len(calls))
        for _, _, scratch in alive:
            workspace.give_back(scratch)

    def sizes(self, problem: Numbers) -> Numbers:
        """The bytes of the packed parameters, and of the scratch memory of forward and backward."""
        sizes = array("q", (0, 0, 0))
        self.library.sizes(problem.buffer_info()[0], sizes.buffer_info()[0])
        return sizes

    def key(self, call: KernelCall) -> tuple[object, ...]:
        """A key that determines the address of each of a call's matrices, biases and vectors."""
        pointers = map(Tensor.data_ptr, call.parameters.values())
        return (call.inputs.shape[-1], call.units, call.widths[0], call.names, *pointers)

    def thread_plan(self, calls: Sequence[KernelCall]) -> tuple[int, bool, bool]:
        """The thread plan, the same for calls in parallel, whose memory depends on it."""
        call, (_, batch, inputs) = calls[0], calls[0].inputs.shape
        weights = self.plan.sums * call.units * (call.units + inputs)
        # An int8 weight takes a fourth of the memory and time of a float32 one.
        return plan_threads(call.sizes, batch, weights // 4 if self.is_int8 else weights, len(calls))

    def problem(self, call: KernelCall, addresses: list[int], threads: tuple[int, bool, bool]) -> Numbers:
        """The fields of `Problem` of native/problem.h."""
        request, (_, batch, inputs) = call.request, call.inputs.shape
        return array("q", [
            *call.sizes, batch, inputs, call.units, call.widths[0],
            *threads, request.recompute and self.cell.axes == 1, *request.directions,
            address(call.lengths), address(call.resets), *addresses,
            *rows(call.inputs), *many(call.initial), *many(call.history), *many(call.final),
            *rows(call.intermediates), *many(call.factors),
        ])  # fmt: skip

    def addresses(self, tensors: Mapping[str, Tensor | None]) -> list[int]:
        """The addresses of all matrices, biases and vectors, or of their gradients; zero for none."""
        places = {
            name: (one.data_ptr(), one.nbytes // len(self.blocks[name]))
            for name, one in tensors.items()
            if one is not None
        }
        found = [(places.get(name, NOWHERE), block) for name, block in self.places]
        return [first + block * size for (first, size), block in found]


def declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """Declares the functions of a library, whose arguments are addresses and numbers of 8 bytes."""
    for name in ("sizes", "same", "pack", "forward", "backward"):
        if hasattr(library, name):  # kernels for inference have no gradient
            getattr(library, name).argtypes = [ctypes.c_int64] * 2
    for name in ("same", "pack"):
        getattr(library, name).restype = ctypes.c_int64
    return library


def address(tensor: Tensor | None) -> int:
    """A tensor's address, zero for none."""
    return 0 if tensor is None else tensor.data_ptr()


def factor(request: Request, name: str) -> Tensor:
    """The values of a program's factor: [T, B, H], or [B, H] for all steps."""
    given = request.hidden_mask if name == "mask" else request.zoneout[name]
    return given if isinstance(given, Tensor) else torch.full_like(request.state[name], float(given or 0))


def one_row(values: Tensor) -> Tensor:
    """[*F, B, H] -> [F, B, H], flattened positions; [B, H] is unchanged."""
    return values.flatten(0, -3) if values.dim() > 3 else values


def rows(tensor: Tensor | None) -> tuple[int, int, int, int]:
    """The fields of `Rows`: [T, B, ...], or [B, ...] for all steps; two steps are a ring."""
    if tensor is None:
        return 0, 0, 0, ALL
    step, row, *more = tensor.stride()
    if not more:
        return tensor.data_ptr(), 0, step, ALL
    return tensor.data_ptr(), step, row, 1 if tensor.size(0) == 2 else ALL


def many(tensors: Sequence[Tensor | None]) -> list[int]:
    """The fields of the `Rows` of several tensors."""
    return [number for one in tensors for number in rows(one)]


_kernels: dict[tuple[CellType, Extras, torch.dtype], Kernel] = {}
_making: dict[tuple[CellType, Extras, torch.dtype], Lock] = {}


def kernel(cell: CellType, extras: Extras, factors: torch.dtype) -> Kernel:
    """The compiled cell, shared by all threads; they wait while it is compiled.

    Raises: `BuildError` if it can't be compiled.
    """
    key = cell, extras, factors
    if key not in _kernels:
        with _making.setdefault(key, new_lock()):
            if key not in _kernels:
                _kernels[key] = Kernel(cell, extras, factors)
    return _kernels[key]

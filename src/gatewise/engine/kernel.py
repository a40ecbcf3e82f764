"""A compiled cell: requests in the form of the kernel, and calls of its functions."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from threading import Lock
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.cells.expressions import ELAPSED
from gatewise.compiler.gradient import kept
from gatewise.compiler.layout import TORCH_NAMES, Parameter, layout
from gatewise.compiler.program import PROJECTION, Extras
from gatewise.compiler.source import matrices
from gatewise.compiler.stages import StagePlan, plan
from gatewise.engine import workspace
from gatewise.engine.build import built
from gatewise.engine.call import KernelCall, Numbers, Signature, ThreadPlan
from gatewise.engine.int8 import scale_name
from gatewise.engine.packing import WeightCache, Weights
from gatewise.engine.request import Request
from gatewise.engine.shapes import check, check_int8, description
from gatewise.engine.thread_plan import new_lock, plan_threads

NUMBERS = {torch.float32: "float", torch.float64: "double"}
FACTORS = {
    **NUMBERS,
    torch.bfloat16: "Bfloat16",
    torch.int8: "Int8",
}  # of products; beside bfloat16 and int8 factors all is float32
Memory: TypeAlias = tuple[Tensor, Tensor]  # packed parameters, and scratch memory
NOWHERE = (0, 0)
MAX_SIGNATURES = 1 << 10  # sequences of many lengths have many
FEW_ROWS = 2  # of a single step, whose products take less time than the comparison with packed weights
ALL = -1  # the ring of rows that exist for all steps


class Kernel:
    """One cell's library for one type of factors, and its parameters by matrix, bias and vector."""

    cell: CellType
    extras: Extras
    dtype: torch.dtype
    is_int8: bool
    rounds: bool
    plan: StagePlan
    kept: tuple[str | int, ...]
    blocks: dict[str, tuple[str, ...]]
    places: list[tuple[str, int]]
    first: Parameter
    states_of_previous: list[int]
    lanes: int
    group: int
    weights: WeightCache

    def __init__(self, cell: CellType, extras: Extras, factors: torch.dtype) -> None:
        self.cell, self.extras = cell, extras
        self.dtype = factors if factors in NUMBERS else torch.float32
        self.is_int8, self.rounds = factors == torch.int8, factors not in NUMBERS
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
        self.first = layout(cell).sizing
        self.states_of_previous = [cell.state.index(one.state) for one in cell.previous.values()]
        self.signatures: dict[tuple[object, ...], Signature] = {}
        self.lanes = self.library.vector_lanes()
        self.group = self.library.unit_group()
        self.weights = WeightCache()

    def units(self, parameters: Mapping[str, Tensor]) -> int:
        """H, from the parameters."""
        return parameters[self.first.name].shape[0] // len(self.first.blocks)

    def has_room_for_heads(self, request: Request) -> bool:
        """Whether it multiplies each head by itself: the units that it computes together are of one head."""
        return not self.is_int8 and request.keys % self.group == 0

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
        signature = self.signature(request)
        inputs, lengths, resets = request.inputs, request.lengths, request.resets
        factors = [
            self.pad_rows(factor(request, name).to(inputs.dtype)).expand(signature.sizes[0], -1, -1)
            for name in self.plan.program.factors
        ]
        inputs = inputs.flatten(0, -3) if inputs.dim() > 3 else inputs
        return KernelCall(
            signature,
            inputs if inputs.stride(-1) == 1 else inputs.contiguous(),
            {name: one.contiguous() for name, one in request.parameters.items()},
            [self.pad_rows(one_row(request.state[name])) for name in self.cell.previous],
            factors,
            None if lengths is None else lengths.to(torch.int64).contiguous(),
            None if resets is None else resets.contiguous().view(torch.uint8),
        )

    def signature(self, request: Request) -> Signature:
        """The signature of a request, whose shapes are checked once for each signature."""
        if self.is_int8:
            check_int8(request)
        key = description(request)
        known = self.signatures.get(key)
        if known is None:
            check(request)
            if len(self.signatures) >= MAX_SIGNATURES:
                self.signatures.clear()
            known = self.signatures[key] = self.new_signature(request)
        return known

    def new_signature(self, request: Request) -> Signature:
        """The signature of a request whose shapes are right."""
        axes, parameters = self.cell.axes, request.parameters
        *sizes, batch, inputs = request.inputs.shape
        units = self.units(parameters)
        widths = self.widths(units, parameters)
        weights = self.plan.sums * units * (units // request.heads + inputs)
        rates = {name: one for name, one in request.zoneout.items() if not isinstance(one, Tensor)}
        bare = Request(
            self.cell, torch.empty(0), {}, {}, reverse=request.reverse, zoneout=rates,
            trace=request.trace, recompute=request.recompute, heads=request.heads,
        )  # fmt: skip
        return Signature(
            bare, tuple(sizes), prod(sizes), batch, inputs, units, tuple(parameters), widths,
            rows=tuple((batch, self.padded(width)) for width in widths),
            shapes=tuple(request.state[name].shape for name in self.cell.previous),
            # An int8 weight takes a fourth of the memory and time of a float32 one.
            weights=weights // 4 if self.is_int8 else weights,
            factors=len(self.plan.program.factors),
            has_lengths=request.lengths is not None,
            has_resets=request.resets is not None,
            has_intermediates=self.has_intermediates(request.trace or not request.recompute or axes > 1),
            unpacked=not self.rounds and sizes == [1] and batch <= FEW_ROWS,
        )  # fmt: skip

    def has_intermediates(self, all_steps: bool) -> bool:
        """Whether a call needs memory for intermediates: of all steps, or of a step between its stages."""
        return bool(self.kept) and (all_steps or len(self.plan.stages) > 1)

    def forward(self, calls: Sequence[KernelCall], keep: bool) -> None:
        """Computes the results of calls, in parallel. keep: whether to save what the gradient needs"""
        for call in calls:
            self.allocate(call, keep)
        self.call(self.library.forward, calls, [None] * len(calls), 1)

    def allocate(self, call: KernelCall, keep: bool) -> None:
        """Allocates the results of a call. keep: as in `forward`"""
        signature, lattice = call.signature, self.cell.axes > 1
        request, steps, dtype = signature.request, signature.steps, self.dtype
        whole = keep or request.trace or lattice  # a lattice needs more than two steps
        final = [workspace.empty(one.shape, dtype) for one in call.initial]
        if lattice and call.lengths is not None:  # some positions of a side belong to no sample
            final = [one.zero_() for one in final]
        for number, row in enumerate(signature.rows):
            if whole or number == 0:
                call.history.append(workspace.empty((steps, *row), dtype))
            elif steps == 1 and call.lengths is None and number in self.states_of_previous:
                call.history.append(final[self.states_of_previous.index(number)])
            else:
                call.history.append(workspace.empty((2, *row), dtype))
        call.final = [*final]
        all_steps = request.trace or (keep and not request.recompute) or lattice
        if self.has_intermediates(all_steps):
            shape = (steps if all_steps else 2, signature.batch, len(self.kept), self.padded(signature.units))
            call.intermediates = workspace.empty(shape, dtype)

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
            own = call.signature
            unpacked = own.is_unpacked(threads) if gradient is None else not own.recomputes
            weights = self.weights.find(self.key(call), partial(self.addresses, call.parameters))
            problem = self.problem(call, weights.addresses, threads, unpacked)
            sizes = own.memory.get((threads, unpacked))
            if sizes is None:
                sizes = own.memory[threads, unpacked] = self.sizes(problem)
            memory = self.memory(problem, weights, sizes, unpacked, scratch_size)
            alive.append((problem, memory, unpacked))
            by = 0 if gradient is None else gradient.buffer_info()[0]
            pointers += [problem.buffer_info()[0], by, *map(Tensor.data_ptr, memory)]
        numbers = array("q", pointers)
        function(numbers.buffer_info()[0], len(calls))
        for _, memory, unpacked in alive:
            give_back(memory, unpacked)

    def memory(
        self, problem: Numbers, weights: Weights, sizes: Numbers, unpacked: bool, scratch_size: int
    ) -> Memory:
        """The packed parameters of a call, or room for them if it reads them unpacked, and scratch memory."""
        scratch = workspace.take(sizes[scratch_size])
        if unpacked:
            return workspace.take(sizes[0]), scratch
        return weights.ready(self.library, problem.buffer_info()[0], sizes[0]), scratch

    def sizes(self, problem: Numbers) -> Numbers:
        """The bytes of the packed parameters, and of the scratch memory of forward and backward."""
        sizes = array("q", (0, 0, 0))
        self.library.sizes(problem.buffer_info()[0], sizes.buffer_info()[0])
        return sizes

    def key(self, call: KernelCall) -> tuple[object, ...]:
        """A key that determines the address of each of a call's matrices, biases and vectors."""
        own, pointers = call.signature, map(Tensor.data_ptr, call.parameters.values())
        return (own.inputs, own.units, own.widths[0], own.request.heads, own.names, *pointers)

    def thread_plan(self, calls: Sequence[KernelCall]) -> ThreadPlan:
        """The thread plan, the same for calls in parallel, whose memory depends on it."""
        own = calls[0].signature
        return plan_threads(own.sizes, own.batch, own.weights, len(calls))

    def problem(
        self, call: KernelCall, addresses: list[int], threads: ThreadPlan, unpacked: bool = False
    ) -> Numbers:
        """The fields of `Problem` of native/problem.h."""
        numbers = call.signature.fields(threads, unpacked)
        numbers += address(call.lengths), address(call.resets)
        numbers += addresses
        for one in (
            call.inputs,
            *call.initial,
            *call.history,
            *call.final,
            call.intermediates,
            *call.factors,
        ):
            numbers += rows(one)
        return array("q", numbers)

    def addresses(self, tensors: Mapping[str, Tensor | None]) -> list[int]:
        """The addresses of all matrices, biases and vectors, or of their gradients; zero for none."""
        places = {
            name: (one.data_ptr(), one.nbytes // len(self.blocks[name]))
            for name, one in tensors.items()
            if one is not None
        }
        found = [(places.get(name, NOWHERE), block) for name, block in self.places]
        return [first + block * size for (first, size), block in found]


def give_back(memory: Memory, unpacked: bool) -> None:
    """Returns the memory of a call for reuse; packed parameters are kept by their `Weights`."""
    packed, scratch = memory
    workspace.give_back(scratch)
    if unpacked:
        workspace.give_back(packed)


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
    if name == ELAPSED:
        return request.elapsed_by_unit()
    given = request.hidden_mask if name == "mask" else request.zoneout[name]
    return given if isinstance(given, Tensor) else torch.full_like(request.state[name], float(given or 0))


def one_row(values: Tensor) -> Tensor:
    """[*F, B, H] -> [F, B, H], flattened positions; [B, H] is unchanged."""
    return values.flatten(0, -3) if values.dim() > 3 else values


def rows(tensor: Tensor | None) -> tuple[int, int, int, int]:
    """The fields of `Rows`: [T, B, ...], or [B, ...] for all steps; two steps are a ring."""
    if tensor is None:
        return 0, 0, 0, ALL
    strides = tensor.stride()
    if len(strides) == 2:
        return tensor.data_ptr(), 0, strides[0], ALL
    return tensor.data_ptr(), strides[0], strides[1], 1 if tensor.size(0) == 2 else ALL


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
    found = _kernels.get(key)
    if found is None:
        with _making.setdefault(key, new_lock()):
            found = _kernels.get(key)
            if found is None:
                found = _kernels[key] = Kernel(cell, extras, factors)
    return found

"""A compiled cell: its parameters as the kernel wants them, and calls into it."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.compiler.layout import TORCH_NAMES, layout
from gatewise.compiler.source import saved, vectors
from gatewise.compiler.stages import stage
from gatewise.engine.build import built

MOST_STATES, MOST_SAVED, MOST_SUMS, MOST_VECTORS = 8, 24, 16, 16  # as in native/step.h
SUFFIXES = {torch.float32: "float", torch.float64: "double"}


class Problem(ctypes.Structure):
    """`gatewise::Problem` of native/along.h, field by field."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("steps", "batch", "inputs", "units", "padded", "threads")),
        ("x", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("vectors", ctypes.c_void_p * MOST_VECTORS),
        ("initial", ctypes.c_void_p * MOST_STATES),
        ("states", ctypes.c_void_p * MOST_STATES),
        ("saved", ctypes.c_void_p * MOST_SAVED),
        ("active", ctypes.c_void_p),
        ("resets", ctypes.c_void_p),
        ("state_gradients", ctypes.c_void_p * MOST_STATES),
        ("carried", ctypes.c_void_p * MOST_STATES),
        ("sum_gradients", ctypes.c_void_p),
        ("vector_gradients", ctypes.c_void_p),
    )


class Kernel:
    """One cell's library. Parameters go in by matrix, summed bias and vector."""

    def __init__(self, cell: CellType) -> None:
        self.cell, self.stage = cell, stage(cell)
        self.library = built(cell)
        self.saved, self.vectors = saved(cell), vectors(cell)
        self.blocks = {one.name: one.blocks for one in layout(cell).parameters}
        # For each product of each slot, the matrix and which of its blocks.
        self.rows = [
            (matrix, self.blocks[matrix].index(block))
            for slot in self.stage.slots
            for _, family, block in slot.products
            for matrix in (TORCH_NAMES.get(family, (family, ""))[0],)
        ]
        self.matrices = tuple(dict.fromkeys(name for name, _ in self.rows))
        self.lanes = {dtype: self.call("lanes", dtype) for dtype in SUFFIXES}

    def call(self, name: str, dtype: torch.dtype, *arguments: Any) -> int:
        """Calls the library's function of that name for a number type."""
        function = getattr(self.library, f"{name}_{SUFFIXES[dtype]}")
        function.restype = ctypes.c_int64
        return int(function(*arguments))

    def padded(self, units: int, dtype: torch.dtype) -> int:
        """P: H filled up to whole vectors."""
        return -(-units // self.lanes[dtype]) * self.lanes[dtype]

    def units(self, parameters: Mapping[str, Tensor]) -> int:
        """H, from the parameters."""
        return len(parameters[self.matrices[0]]) // len(self.blocks[self.matrices[0]])

    def bias(self, parameters: Mapping[str, Tensor], like: Tensor) -> Tensor:
        """[sums, P] what each sum starts from: the biases of all its products."""
        starts = []
        for one in self.stage.accumulators:
            names = [(TORCH_NAMES[family][1], part) for family, part in one.products if family in TORCH_NAMES]
            parts = [self._row(parameters, name, part) for name, part in names if name in parameters]
            starts.append(torch.stack(parts).sum(0) if parts else like.new_zeros(self.units(parameters)))
        return self.filled_up(torch.stack(starts))

    def weights_of_units(self, parameters: Mapping[str, Tensor], like: Tensor) -> Tensor:
        """[vectors, P]; the family `b` is zero in a layer without biases."""
        units = self.units(parameters)
        rows = [
            self._row(parameters, name, block) if name in parameters else like.new_zeros(units)
            for name, block in self.vectors
        ]
        return self.filled_up(torch.stack(rows) if rows else like.new_zeros(0, units))

    def _row(self, parameters: Mapping[str, Tensor], name: str, block: str) -> Tensor:
        """[H], one block of a bias or vector."""
        return parameters[name].view(-1, self.units(parameters))[self.blocks[name].index(block)]

    def filled_up(self, values: Tensor) -> Tensor:
        """[..., H] -> [..., P], zeros behind."""
        more = self.padded(values.shape[-1], values.dtype) - values.shape[-1]
        return functional.pad(values, (0, more)).contiguous() if more else values.contiguous()

    def problem(
        self, active: Tensor | None, resets: Tensor | None, x: Tensor, bias: Tensor, vectors: Tensor,
        matrices: Sequence[Tensor], initial: Sequence[Tensor],
    ) -> tuple[Problem, object]:  # fmt: skip
        """The struct, with what must stay alive as long as it is used."""
        known = dict(zip(self.matrices, matrices, strict=True))
        units = self.units(known)
        problem = Problem(*x.shape[:2], x.shape[2], units, bias.shape[1], torch.get_num_threads())
        pointers = [
            known[name].data_ptr() + row * units * known[name].shape[1] * x.element_size()
            for name, row in self.rows
        ]
        weights = (ctypes.c_void_p * len(pointers))(*pointers)
        problem.weights = ctypes.cast(weights, ctypes.c_void_p)
        problem.x, problem.bias = x.data_ptr(), bias.data_ptr()
        put(problem.vectors, vectors)
        put(problem.initial, initial)
        problem.active = None if active is None else active.data_ptr()
        problem.resets = None if resets is None else resets.data_ptr()
        return problem, weights


def put(pointers: Any, tensors: Sequence[Tensor | None] | Tensor) -> None:
    """Fills an array of pointers."""
    for place, one in enumerate(tensors):
        pointers[place] = None if one is None else one.data_ptr()


@cache
def too_large(cell: CellType) -> str | None:
    """Why a cell of one stage does not fit the kernel's fixed tables, or None."""
    sizes = {
        "states": (len(cell.state), MOST_STATES),
        "lines and sums to keep": (len(saved(cell)), MOST_SAVED),
        "sums of products": (len(stage(cell).accumulators), MOST_SUMS),
        "vectors": (len(vectors(cell)), MOST_VECTORS),
    }
    told = [f"{count} {name}, and it holds {most}" for name, (count, most) in sizes.items() if count > most]
    return f"the cell has {told[0]}" if told else None


@cache
def kernel(cell: CellType) -> Kernel:
    """The compiled cell. Errors: `BuildError` where it can't be compiled."""
    return Kernel(cell)

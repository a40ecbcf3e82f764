"""The operation of matrix memories on a GPU: in chunks of steps, or step by step in one launch."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import torch
from torch import Tensor

from gatewise.compiler.triton_memory import MEMORY_STEPS
from gatewise.engine.triton import memory_chunks
from gatewise.engine.triton.functions import INSTALLED
from gatewise.engine.triton.memory_call import MemoryCall, Vectors, empty
from gatewise.engine.triton.tiles import MOST_WARPS, PROGRAMS, WARP, power_of_two

DEVICE = "cuda"  # that the kernels run on
DTYPES = (torch.float32, torch.float64)
FORWARD, BACKWARD = 2048, 4096  # numbers of a program's memory, which registers hold; an estimate
MOST_KEYS = 4096  # of a unit, which a program has all
MOST_PARTS = 8  # of the gradients of keys and queries, which are summed


def supports(initial: Tensor) -> bool:
    """Whether the kernels run these memories, [B, H, K]."""
    fits = initial.dtype in DTYPES and initial.shape[2] <= MOST_KEYS
    return INSTALLED and initial.device.type == DEVICE and fits


def run_forward(
    initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None
) -> tuple[Tensor, Tensor]:
    """What queries read, and the final memories."""
    call = MemoryCall(initial, vectors, heads, resets)
    read, final = empty(call.u), empty(call.initial)
    fits = memory_chunks.fit(call) if memory_chunks.in_chunks(call) else None
    if fits is not None:
        memory_chunks.forward(call, fits, read, final)
    tile = tile_of(call, FORWARD)
    _launch(call, "forward", tile, tile.count, fits, [read, final])
    return read, final


def run_backward(
    initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None, by_read: Tensor | None,
    by_final: Tensor | None,
) -> list[Tensor | None]:  # fmt: skip
    """The gradients with respect to the initial memories and the vectors.

    Step by step, it keeps the memories of about twice the square root of the number of steps.
    """
    call = MemoryCall(initial, vectors, heads, resets)
    by_read = torch.zeros_like(call.u) if by_read is None else by_read.contiguous()
    by_final = torch.zeros_like(call.initial) if by_final is None else by_final.contiguous()
    fits = memory_chunks.fit(call, by_read, by_final) if memory_chunks.in_chunks(call) else None
    tile = tile_of(call, BACKWARD)
    parts = min(tile.count, MOST_PARTS) if fits is None else 1
    by_a = empty(call.a, parts) if call.by_head else empty(call.a)
    by_b = None if call.b is None else empty(call.b, parts)
    by_u, by_k, by_q = empty(call.u), empty(call.k, parts), empty(call.q, parts)
    by_initial = empty(call.initial)
    length = power_of_two(isqrt(call.steps)) if fits is None else memory_chunks.LENGTH
    chunks = -(-call.steps // length)
    starts, others = empty(call.initial, chunks), empty(call.initial, max(length, chunks))
    if fits is not None:
        gradients = [by_a, by_u, by_k, by_q, by_initial]
        memory_chunks.backward(call, fits, by_read, by_final, gradients, (starts, others))
    results = [by_read, by_final, by_a, by_b, by_u, by_k, by_q, by_initial, starts, others]
    _launch(call, "backward", tile, parts, fits, results, length)
    return [
        by_initial,
        _sum(by_a) if call.by_head else by_a,
        None if by_b is None else _sum(by_b),
        by_u,
        _sum(by_k),
        _sum(by_q),
    ]


def _sum(parts: Tensor) -> Tensor:
    return parts[0] if len(parts) == 1 else parts.sum(0)


@dataclass(frozen=True)
class Tile:
    """The units of a program, and the number of tiles of a head."""

    units: int
    count: int
    warps: int


def tile_of(call: MemoryCall, most: int) -> Tile:
    """The tile of a program, smaller if there are few. most: numbers of a memory"""
    columns = power_of_two(call.keys)
    each = power_of_two(call.initial.numel() // PROGRAMS)
    rows = max(1, min(power_of_two(call.units), min(most, max(WARP, each)) // columns))
    warps = max(1, min(MOST_WARPS, rows * columns // WARP // 2))
    return Tile(rows, -(-call.units // rows), warps)


def _launch(
    call: MemoryCall, name: str, tile: Tile, programs: int, fits: Tensor | None,
    results: list[Tensor | None], *sizes: int,
) -> None:  # fmt: skip
    """Launches a kernel of all steps. fits: the kernel returns at once if it is not 0"""
    tensors = [fits, call.initial, call.a, call.b, call.u, call.k, call.q, call.resets, *results]
    call.launch(
        MEMORY_STEPS, name, (programs,), tensors, sizes,
        BY_HEAD=call.by_head, BY_KEY=call.b is not None, CHUNKS=fits is not None, UNITS=tile.units,
        KEYS=power_of_two(call.keys), num_warps=tile.warps,
    )  # fmt: skip

"""The operation of matrix memories on a GPU: the launches of its kernels."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import torch
from torch import Tensor

from gatewise.compiler.triton_memory import MEMORY_STEPS
from gatewise.engine.triton.functions import INSTALLED, functions
from gatewise.engine.triton.tiles import MOST_WARPS, PROGRAMS, WARP, power_of_two

DEVICE = "cuda"  # that the kernels run on
DTYPES = (torch.float32, torch.float64)
FORWARD, BACKWARD = 2048, 4096  # numbers of a program's memory, which registers hold; an estimate
MOST_KEYS = 4096  # of a unit, which a program has all

Vectors = tuple[Tensor, Tensor | None, Tensor, Tensor, Tensor]  # a, b, u, k, q


def supports(initial: Tensor) -> bool:
    """Whether the kernels run these memories, [B, H, K]."""
    fits = initial.dtype in DTYPES and initial.shape[2] <= MOST_KEYS
    return INSTALLED and initial.device.type == DEVICE and fits


def run_forward(
    initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None
) -> tuple[Tensor, Tensor]:
    """What queries read, and the final memories."""
    call = _Call(initial, vectors, heads, resets)
    read, final = _empty(call.vectors[2]), _empty(call.initial)
    call.launch("forward", [read, final], call.tile(FORWARD))
    return read, final


def run_backward(
    initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None, by_read: Tensor | None,
    by_final: Tensor | None,
) -> list[Tensor | None]:  # fmt: skip
    """The gradients with respect to the initial memories and the vectors.

    It keeps the memories of about twice the square root of the number of steps.
    """
    call = _Call(initial, vectors, heads, resets)
    tile, (a, b, u, k, q) = call.tile(BACKWARD), call.vectors
    length = power_of_two(isqrt(len(u)))
    starts, between = _empty(call.initial, -(-len(u) // length)), _empty(call.initial, length)
    by_a = _empty(a, tile.programs) if call.by_head else _empty(a)
    by_b = None if b is None else _empty(b, tile.programs)
    by_u, by_k, by_q = _empty(u), _empty(k, tile.programs), _empty(q, tile.programs)
    by_initial = _empty(call.initial)
    received = [
        torch.zeros_like(like) if one is None else one.contiguous()
        for one, like in ((by_read, u), (by_final, call.initial))
    ]
    results = [by_a, by_b, by_u, by_k, by_q, by_initial]
    call.launch("backward", [*received, *results, starts, between], tile, length)
    return [
        by_initial,
        by_a.sum(0) if call.by_head else by_a,
        None if by_b is None else by_b.sum(0),
        by_u,
        by_k.sum(0),
        by_q.sum(0),
    ]


def _empty(like: Tensor, *parts: int) -> Tensor:
    """A tensor of the shape of another, or parts of such a shape."""
    return like.new_empty(*parts, *like.shape)


@dataclass(frozen=True)
class _Tile:
    """The units of a program, and the number of programs of a head."""

    units: int
    programs: int
    warps: int


class _Call:
    """The tensors of a call, contiguous, and the launch of a kernel."""

    def __init__(self, initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None) -> None:
        a, b, u, k, q = vectors
        self.initial, self.heads = initial.contiguous(), heads
        self.vectors = (
            a.contiguous(), None if b is None else b.contiguous(), u.contiguous(), k.contiguous(),
            q.contiguous(),
        )  # fmt: skip
        self.resets = None if resets is None else resets.contiguous().view(torch.uint8)
        self.batch, self.keys = initial.shape[0], initial.shape[2]
        self.units = initial.shape[1] // heads
        self.by_head = b is None and a.shape[2] == heads

    def tile(self, most: int) -> _Tile:
        """The tile of a program, smaller if there are few. most: numbers of a memory"""
        columns = power_of_two(self.keys)
        each = power_of_two(self.initial.numel() // PROGRAMS)
        rows = max(1, min(power_of_two(self.units), min(most, max(WARP, each)) // columns))
        warps = max(1, min(MOST_WARPS, rows * columns // WARP // 2))
        return _Tile(rows, -(-self.units // rows), warps)

    def launch(self, name: str, results: list[Tensor | None], tile: _Tile, *sizes: int) -> None:
        """Launches a kernel on the device of the tensors. sizes: after the number of steps"""
        a, b, u, k, q = self.vectors
        nothing = self.initial  # in place of a tensor that the kernel does not read
        given = [self.initial, a, b, u, k, q, self.resets, *results]
        with torch.cuda.device_of(self.initial):
            functions(MEMORY_STEPS)[name][self.batch * self.heads, tile.programs](
                *(nothing if one is None else one for one in given),
                len(u), *sizes, self.batch, self.heads, self.units, self.keys,
                BY_HEAD=self.by_head, BY_KEY=b is not None, RESETS=self.resets is not None,
                UNITS=tile.units, KEYS=power_of_two(self.keys), num_warps=tile.warps,
            )  # fmt: skip

"""Matrix memories on a GPU in chunks of steps, where each head has one factor."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.compiler.triton_memory_chunks import MEMORY_CHUNKS
from gatewise.engine.triton.memory_call import MemoryCall, empty
from gatewise.engine.triton.weights import rounds_to_tf32

LENGTH = 32  # the steps of a chunk; as all sizes here, an estimate that compiles without spills
TILE = 16  # the units or keys of a product
WARPS = 8
FEWEST = 64  # steps; an estimate: fewer are computed one by one
LARGEST = 1e7  # of a number: products of four, summed over thousands of keys, are finite


def in_chunks(call: MemoryCall) -> bool:
    """Whether a call is computed in chunks, if its numbers `fit`."""
    return call.by_head and call.initial.dtype == torch.float32 and call.steps >= FEWEST


def fit(call: MemoryCall, *more: Tensor) -> Tensor:
    """Whether numbers allow chunks, on their device: [1], 0 or 1.

    Products of a chunk would spread NaN to the steps before, and factors that grow may overflow.
    """
    tensors = (call.initial, call.u, call.k, call.q, *more)
    largest = torch.stack([one.abs().amax() for one in tensors]).amax()
    return ((largest <= LARGEST) & (call.a.abs().amax() <= 1)).to(torch.int32).reshape(1)


def forward(call: MemoryCall, fits: Tensor, read: Tensor, final: Tensor) -> None:
    """What queries read, and the final memories."""
    starts = empty(call.initial, _chunks(call))
    _carry(call, [fits, call.initial, call.a, call.u, call.k, call.resets, starts, final], back=False)
    tensors = [fits, call.a, call.u, call.k, call.q, call.resets, starts, read]
    _launch(call, "read", (_chunks(call), _tiles(call.units)), tensors)


def backward(
    call: MemoryCall, fits: Tensor, by_read: Tensor, by_final: Tensor, gradients: list[Tensor],
    space: tuple[Tensor, Tensor],
) -> None:  # fmt: skip
    """The gradients with respect to a, u, k, q and the initial memories, which are written to `gradients`.

    space: for the memories before each chunk, and the gradients after it
    """
    by_a, by_u, by_k, by_q, by_initial = gradients
    starts, ends = space
    final = empty(call.initial)
    _carry(call, [fits, call.initial, call.a, call.u, call.k, call.resets, starts, final], back=False)
    _carry(call, [fits, by_final, call.a, by_read, call.q, call.resets, ends, by_initial], back=True)
    at_start, at_end, end = empty(call.a), empty(call.a), empty(call.a[0], _chunks(call))
    given = [fits, call.a, call.u, call.k, call.q, call.resets]
    grid = (_chunks(call),)
    _launch(call, "by_units", grid, [*given, starts, ends, by_read, by_u, at_end, end])
    _launch(call, "by_keys", grid, [*given, starts, ends, by_read, by_k, by_q, at_start])
    _launch(call, "by_factors", grid, [*given, by_read, at_start, at_end, end, by_a])


def _carry(call: MemoryCall, tensors: list[Tensor | None], back: bool) -> None:
    """Memories from chunk to chunk, or gradients back."""
    _launch(call, "carry", (_tiles(call.units), _tiles(call.keys)), tensors, BACK=back)


def _launch(
    call: MemoryCall, name: str, grid: tuple[int, ...], tensors: list[Tensor | None], **options: int
) -> None:
    precision = "tf32" if rounds_to_tf32() else "ieee"
    call.launch(
        MEMORY_CHUNKS, name, grid, tensors, (),
        LENGTH=LENGTH, TILE=TILE, PRECISION=precision, num_warps=WARPS, **options,
    )  # fmt: skip


def _chunks(call: MemoryCall) -> int:
    return -(-call.steps // LENGTH)


def _tiles(width: int) -> int:
    return -(-width // TILE)

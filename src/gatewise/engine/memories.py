"""The operation of matrix memories: `C = (a b^T) * C + u k^T`, `y = C q`, for each head along a sequence."""

from __future__ import annotations

import ctypes
import logging
from array import array
from functools import cache
from typing import Any

import torch
from torch import Tensor

from gatewise.engine.build import FLAGS, HEADERS
from gatewise.engine.compiling import BuildError, NativeProgram
from gatewise.engine.kernel import NUMBERS
from gatewise.engine.loading import load
from gatewise.engine.processor import NATIVE
from gatewise.engine.recording import batched, recording, transformed
from gatewise.engine.thread_plan import usable

log = logging.getLogger("gatewise")
Vectors = tuple[Tensor, Tensor | None, Tensor, Tensor, Tensor]  # a, b, u, k, q


def read_memories(
    initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """What queries read from memories that each step changes.

    initial: [B, H, K]
    vectors: `a` and `u` by unit, `b`, `k` and `q` by key, [T, B, H] each; `b` may be None, for ones
    resets: [T, B] bool, whether a memory is zeros before the step

    Returns: y [T, B, H], and the final memories [B, H, K].
    """
    tensors = [initial, *(one for one in vectors if one is not None)]
    alike = {(one.dtype, one.device.type) for one in tensors}
    recorded = recording() or transformed(tensors) or batched(tensors)
    fits = len(alike) == 1 and initial.dtype in NUMBERS and initial.is_cpu and initial.numel()
    if recorded or not fits or _library(initial.dtype) is None:
        return by_steps(initial, vectors, heads, resets)
    read, final = _Memories.apply(initial, *vectors, heads, resets)  # type: ignore[no-untyped-call]
    return read, final


def by_steps(
    initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The same in plain PyTorch, step by step."""

    def rows(values: Tensor) -> Tensor:
        return values.unflatten(-1, (heads, -1)).unsqueeze(-1)  # [T, B, heads, K, 1]

    def columns(values: Tensor) -> Tensor:
        return rows(values).transpose(-1, -2)

    a, b, u, k, q = vectors
    kept = rows(a) if b is None else rows(a) * columns(b)
    written, memory, found = rows(u) * columns(k), initial.unflatten(1, (heads, -1)), []
    for t, query in enumerate(rows(q)):
        if resets is not None:
            memory = memory.masked_fill(resets[t, :, None, None, None], 0.0)
        memory = kept[t] * memory + written[t]
        found.append((memory @ query).flatten(1))
    return torch.stack(found), memory.flatten(1, 2)


class _Memories(torch.autograd.Function):
    """The operation by its kernel; gradients of gradients by steps."""

    @staticmethod
    def forward(
        ctx: Any,
        initial: Tensor,
        a: Tensor,
        b: Tensor | None,
        u: Tensor,
        k: Tensor,
        q: Tensor,
        heads: int,
        resets: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        given = [None if one is None else one.contiguous() for one in (a, b, u, k, q, initial)]
        read = torch.empty_like(a, memory_format=torch.contiguous_format)
        final = torch.empty_like(initial, memory_format=torch.contiguous_format)
        ctx.heads, ctx.resets = heads, None if resets is None else resets.contiguous()
        ctx.save_for_backward(initial, a, b, u, k, q)
        _call("forward", ctx, given, [read, final], [None] * 8)
        return read, final

    @staticmethod
    def backward(ctx: Any, by_read: Tensor | None, by_final: Tensor | None) -> tuple[Any, ...]:
        initial, *vectors = ctx.saved_tensors
        given = [initial, *vectors]
        if by_read is None:
            by_read = torch.zeros_like(vectors[0])
        if torch.is_grad_enabled() or recording():
            with torch.enable_grad():
                outputs = by_steps(initial, tuple(vectors), ctx.heads, ctx.resets)
                pairs = [
                    (one, by) for one, by in zip(outputs, (by_read, by_final), strict=True) if by is not None
                ]
                wanted = [one for one in given if one is not None and one.requires_grad]
                found = iter(
                    torch.autograd.grad(
                        [one for one, _ in pairs], wanted, [by for _, by in pairs], create_graph=True
                    )
                )
            return (
                *(next(found) if one is not None and one.requires_grad else None for one in given),
                None,
                None,
            )
        ready = [None if one is None else one.contiguous() for one in (*vectors, initial)]
        gradients = [None if one is None else torch.zeros_like(one) for one in ready]
        received = [by_read.contiguous(), None if by_final is None else by_final.contiguous()]
        _call("backward", ctx, ready, [None, None], [*received, *gradients])
        return gradients[-1], *gradients[:-1], None, None


def _call(function: str, ctx: Any, given: list[Any], results: list[Any], gradients: list[Any]) -> None:
    """Calls the kernel with the fields of `MemoryProblem` of native/memory.h."""
    steps, batch, units = given[0].shape
    sizes = (steps, batch, ctx.heads, units // ctx.heads, usable())
    places = [0 if one is None else one.data_ptr() for one in (ctx.resets, *given, *results, *gradients)]
    fields = array("q", [*sizes, *places])
    library = _library(given[0].dtype)
    assert library is not None
    getattr(library, function)(fields.buffer_info()[0])


@cache
def _library(dtype: torch.dtype) -> ctypes.CDLL | None:
    """The compiled operation, or None if it can't be compiled."""
    number = NUMBERS[dtype]
    flags = (*NATIVE.flags, *FLAGS, f"-DGATEWISE_NUMBER={number}", "-shared")
    try:
        library = load(NativeProgram(f"memory-{number}-native", '#include "memory.h"\n', flags, HEADERS))
    except BuildError as error:
        log.warning("matrix memories run step by step in PyTorch, slowly: %s", error)
        return None
    for name in ("forward", "backward"):
        getattr(library, name).argtypes = [ctypes.c_int64]
        getattr(library, name).restype = None
    return library

"""The operation of matrix memories: `C = (a b^T) * C + u k^T`, `y = C q`, for each head along a sequence."""

from __future__ import annotations

import ctypes
import logging
from array import array
from functools import cache
from typing import Any

import torch
from torch import Tensor

from gatewise.engine import build
from gatewise.engine.compiling import BuildError
from gatewise.engine.kernel import NUMBERS
from gatewise.engine.recording import batched, recording, transformed
from gatewise.engine.thread_plan import usable
from gatewise.engine.triton import memory as gpu
from gatewise.engine.triton.memory_call import Vectors

log = logging.getLogger("gatewise")


def read_memories(
    initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """What queries read from memories that each step changes.

    initial: [B, H, K], H units in heads of K keys each
    vectors: `a` and `u` by unit, [T, B, H], `b`, `k` and `q` by key, [T, B, heads K]; `b` may be None, for
        ones, and then `a` may have one number for each head, [T, B, heads], whose gradient is faster
    resets: [T, B] bool, whether a memory is zeros before the step

    Returns: y [T, B, H], and the final memories [B, H, K].
    """
    if not has_kernel(initial, vectors) or recording():
        return by_steps(initial, vectors, heads, resets)
    read, final = _Memories.apply(initial, *vectors, heads, resets)  # type: ignore[no-untyped-call]
    return read, final


def has_kernel(initial: Tensor, vectors: Vectors) -> bool:
    """Whether a kernel supports these tensors, on the CPU or on a GPU."""
    tensors = [initial, *(one for one in vectors if one is not None)]
    if len({(one.dtype, one.device) for one in tensors}) > 1 or transformed(tensors) or batched(tensors):
        return False
    on_cpu = initial.is_cpu and initial.dtype in NUMBERS
    return gpu.supports(initial) or (on_cpu and _library(initial.dtype) is not None)


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


def gradients_by_steps(
    initial: Tensor,
    vectors: Vectors,
    heads: int,
    resets: Tensor | None,
    by: tuple[Tensor | None, Tensor | None],
) -> list[Tensor | None]:
    """The gradients of `by_steps`, which have gradients, too: of the initial memories and the vectors.

    by: the gradients with respect to both results
    """
    given = [initial, *vectors]
    with torch.enable_grad():
        outputs = by_steps(initial, vectors, heads, resets)
        pairs = [(one, own) for one, own in zip(outputs, by, strict=True) if own is not None]
        wanted = [one for one in given if one is not None and one.requires_grad]
        found = torch.autograd.grad(
            [one for one, _ in pairs], wanted, [own for _, own in pairs], create_graph=True, allow_unused=True
        )
    each = iter(found)
    return [next(each) if one is not None and one.requires_grad else None for one in given]


class _Memories(torch.autograd.Function):
    """The operation by its kernel; gradients of gradients by steps."""

    @staticmethod
    def forward(
        ctx: Any, initial: Tensor, a: Tensor, b: Tensor | None, u: Tensor, k: Tensor, q: Tensor, heads: int,
        resets: Tensor | None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        ctx.heads = heads
        ctx.save_for_backward(initial, a, b, u, k, q, resets)
        return run_forward(initial, (a, b, u, k, q), heads, resets)

    @staticmethod
    def backward(ctx: Any, by_read: Tensor, by_final: Tensor) -> tuple[Any, ...]:
        initial, *vectors, resets = ctx.saved_tensors
        arguments = (initial, tuple(vectors), ctx.heads, resets)
        if torch.is_grad_enabled() or recording():
            return *gradients_by_steps(*arguments, (by_read, by_final)), None, None
        return *run_backward(*arguments, by_read, by_final), None, None


def run_forward(
    initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None
) -> tuple[Tensor, Tensor]:
    """What queries read, and the final memories, by the kernel of the device."""
    if gpu.supports(initial):
        return gpu.run_forward(initial, vectors, heads, resets)
    given = [None if one is None else one.contiguous() for one in (*vectors, initial)]
    read = torch.empty_like(vectors[2], memory_format=torch.contiguous_format)
    final = torch.empty_like(initial, memory_format=torch.contiguous_format)
    _call("forward", heads, resets, given, [read, final], [None] * 8)
    return read, final


def run_backward(
    initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None, by_read: Tensor | None,
    by_final: Tensor | None,
) -> list[Tensor | None]:  # fmt: skip
    """The gradients with respect to the initial memories and the vectors, by the kernel of the device."""
    if gpu.supports(initial):
        return gpu.run_backward(initial, vectors, heads, resets, by_read, by_final)
    given = [None if one is None else one.contiguous() for one in (*vectors, initial)]
    made = (
        torch.empty_like if _is_by_head(*vectors[:2], heads) else torch.zeros_like
    )  # which a kernel adds to
    found = [None if one is None else made(one) for one in given]
    by_read = torch.zeros_like(vectors[2]) if by_read is None else by_read
    received = [by_read.contiguous(), None if by_final is None else by_final.contiguous()]
    _call("backward", heads, resets, given, [None, None], [*received, *found])
    return [found[-1], *found[:-1]]


def _is_by_head(a: Tensor, b: Tensor | None, heads: int) -> bool:
    """Whether the factor of the last memory is one number for each head."""
    return b is None and a.shape[2] == heads


def _call(
    function: str, heads: int, resets: Tensor | None, given: list[Tensor | None],
    results: list[Tensor | None], gradients: list[Tensor | None],
) -> None:  # fmt: skip
    """Calls the kernel with the fields of `MemoryProblem` of native/memory.h."""
    a, b, u, _, _, initial = given
    assert a is not None
    assert u is not None
    assert initial is not None
    steps, batch, units = u.shape
    own = None if resets is None else resets.contiguous()
    places = [0 if one is None else one.data_ptr() for one in (own, *given, *results, *gradients)]
    sizes = [steps, batch, heads, units // heads, initial.shape[2], usable(), _is_by_head(a, b, heads)]
    fields = array("q", [*sizes, *places])
    library = _library(a.dtype)
    assert library is not None
    getattr(library, function)(fields.buffer_info()[0])


@cache
def _library(dtype: torch.dtype) -> ctypes.CDLL | None:
    """The compiled operation, or None if it can't be compiled."""
    try:
        library = build.find(lambda one: build.memory_program(NUMBERS[dtype], one))
    except BuildError as error:
        log.warning("matrix memories run step by step in PyTorch, slowly: %s", error)
        return None
    for name in ("forward", "backward"):
        getattr(library, name).argtypes = [ctypes.c_int64]
        getattr(library, name).restype = None
    return library

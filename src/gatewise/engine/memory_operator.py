"""The operation of matrix memories as an operator of PyTorch, for compilation and export."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.engine.memories import gradients_by_steps, run_backward, run_forward
from gatewise.engine.triton.memory_call import Vectors

INPUTS = "Tensor initial, Tensor a, Tensor? b, Tensor u, Tensor k, Tensor q, int heads, Tensor? resets"


def read_by_operator(
    initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None
) -> tuple[Tensor, Tensor]:
    """`read_memories` by the operator."""
    read, final = torch.ops.gatewise.memories(initial, *vectors, heads, resets)
    return read, final


@torch.library.custom_op("gatewise::memories", mutates_args=(), schema=f"({INPUTS}) -> (Tensor, Tensor)")
def memories(
    initial: Tensor, a: Tensor, b: Tensor | None, u: Tensor, k: Tensor, q: Tensor, heads: int,
    resets: Tensor | None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """What queries read, and the final memories."""
    return run_forward(initial, (a, b, u, k, q), heads, resets)


@memories.register_fake
def _memories_fake(
    initial: Tensor, a: Tensor, b: Tensor | None, u: Tensor, *rest: Any
) -> tuple[Tensor, Tensor]:
    return u.new_empty(u.shape), initial.new_empty(initial.shape)


@torch.library.custom_op(
    "gatewise::memories_backward", mutates_args=(),
    schema=f"(Tensor? by_read, Tensor? by_final, {INPUTS}) -> Tensor[]",
)  # fmt: skip
def memories_backward(
    by_read: Tensor | None, by_final: Tensor | None, initial: Tensor, a: Tensor, b: Tensor | None, u: Tensor,
    k: Tensor, q: Tensor, heads: int, resets: Tensor | None,
) -> list[Tensor]:  # fmt: skip
    """The gradients with respect to the initial memories and the vectors, without that of an absent `b`."""
    found = run_backward(initial, (a, b, u, k, q), heads, resets, by_read, by_final)
    return [one for one in found if one is not None]


@memories_backward.register_fake
def _memories_backward_fake(
    by_read: Tensor | None, by_final: Tensor | None, initial: Tensor, *vectors: Any
) -> list[Tensor]:
    given = [initial, *vectors[:5]]
    return [one.new_empty(one.shape) for one in given if one is not None]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.heads, resets = inputs
    ctx.save_for_backward(*tensors, resets)


def _gradient(ctx: Any, by_read: Tensor | None, by_final: Tensor | None) -> tuple[Any, ...]:
    initial, *vectors, resets = ctx.saved_tensors
    if torch.is_grad_enabled():
        found = gradients_by_steps(initial, tuple(vectors), ctx.heads, resets, (by_read, by_final))
        return *found, None, None
    own = torch.ops.gatewise.memories_backward(by_read, by_final, initial, *vectors, ctx.heads, resets)
    each = iter(own)
    return *(None if one is None else next(each) for one in (initial, *vectors)), None, None


memories.register_autograd(_gradient, setup_context=_keep)

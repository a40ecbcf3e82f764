"""Modes of PyTorch that record or transform operations, which a direct kernel call would bypass."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.autograd import forward_ad


def recording() -> bool:
    """Whether a compiler, a tracer or a mode observes this thread's operations."""
    return (
        torch.compiler.is_compiling()
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._is_torch_function_mode_enabled()
        or torch._C._get_tracing_state() is not None
    )


def jit_tracing() -> bool:
    """Whether `torch.jit.trace`, or an export to ONNX by it, is running."""
    return not torch.compiler.is_compiling() and torch._C._get_tracing_state() is not None


def transformed(tensors: Iterable[Tensor | None]) -> bool:
    """Whether any tensor belongs to a transform of `torch.func`, or tangents are propagated forward."""
    if torch.compiler.is_compiling():  # the compiler applies the transform itself
        return False
    return forward_ad._current_level >= 0 or wrapped(tensors)


def wrapped(tensors: Iterable[Tensor | None]) -> bool:
    """Whether any tensor is batched or differentiated by a transform of `torch.func`."""
    if torch._C._functorch.peek_interpreter_stack() is None:
        return False
    return any(one is not None and torch._C._functorch.maybe_get_level(one) != -1 for one in tensors)


def batched(gradients: Iterable[Tensor | None]) -> bool:
    """Whether any gradient is batched, as by `is_grads_batched`."""
    return any(one is not None and torch._C._functorch.is_legacy_batchedtensor(one) for one in gradients)

"""The choice of the backend that runs a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import torch

from gatewise.engine.cudnn import Cudnn
from gatewise.engine.matrix_memory import MatrixMemory
from gatewise.engine.native import Native
from gatewise.engine.recording import jit_tracing, recording
from gatewise.engine.reference import Reference
from gatewise.engine.repetition import Repetition
from gatewise.engine.request import LayerResult, Request
from gatewise.engine.triton.backend import Triton
from gatewise.errors import GatewiseError


class Backend(Protocol):
    """A way to run a request."""

    name: str

    def refusal(self, request: Request) -> str | None:
        """The reason why this backend can't run the request, in a sentence; None if it can."""

    def run(self, request: Request) -> LayerResult:
        """Runs a request that was not refused."""


NATIVE, CUDNN, TRITON, MEMORY, REFERENCE = Native(), Cudnn(), Triton(), MatrixMemory(), Reference()
_only: ContextVar[str | Backend | None] = ContextVar("only", default=None)
# The first that does not refuse a request runs it.
BACKENDS: tuple[Backend, ...] = (NATIVE, CUDNN, TRITON, MEMORY, REFERENCE)


def refusals(request: Request) -> dict[str, str | None]:
    """The refusal of each backend, None if it accepts, in the order of preference."""
    return {one.name: one.refusal(request) for one in BACKENDS}


def run(request: Request, repetition: Repetition | None = None) -> LayerResult:
    """Runs a request on the first backend that accepts it; the reference accepts every request.

    repetition: of the layer and direction, which takes less time if the call before was of the same kind
    """
    if recording():
        return _recorded(request)
    if repetition is not None and _chosen() is None:
        found = repetition.run(request)
        if found is not None:
            return found
    return chosen_backend(request).run(request)


def run_together(requests: Sequence[Request]) -> list[LayerResult]:
    """Runs requests, such as both directions of a layer; kernels in parallel if threads allow."""
    if recording():
        return [_recorded(request) for request in requests]
    backends = [chosen_backend(request) for request in requests]
    if all(one is NATIVE for one in backends):
        return NATIVE.run_together(requests)
    return [one.run(request) for one, request in zip(backends, requests, strict=True)]


def _recorded(request: Request) -> LayerResult:
    """Runs a request by operations that a compiler, a tracer or a mode can record."""
    only = _chosen()
    if only is not None and not isinstance(only, str):
        return only.run(request)
    if jit_tracing() and only is None:  # so that the result loads without gatewise
        portable = Cudnn(request.inputs.device.type)
        if portable.refusal(request) is None:
            return portable.run(request)
    if only in (None, NATIVE.name):
        from gatewise.engine import operators  # imports all of PyTorch's compiler

        found = operators.run_operator(request)
        if found is not None:
            return found
    if only in (None, MEMORY.name) and not jit_tracing():  # TorchScript has no operator of ours
        if torch.compiler.is_dynamo_compiling():
            from gatewise.engine.memory_graph import run_in_graph

            found = run_in_graph(request)
            if found is not None:
                return found
        elif MEMORY.refusal(request) is None:
            return MEMORY.run(request)
    others = only in (REFERENCE.name, TRITON.name)
    if not torch.compiler.is_compiling() and not others and CUDNN.refusal(request) is None:
        return CUDNN.run(request)
    if only in (None, TRITON.name) and not jit_tracing() and TRITON.refusal(request) is None:
        return TRITON.run(request)
    return REFERENCE.run(request)


def chosen_backend(request: Request) -> Backend:
    """The backend of the context, or the first that does not refuse."""
    only = _chosen()
    if only is None:
        return default_backend(request)
    if not isinstance(only, str):
        return only
    candidates = [one for one in BACKENDS if one.name in (only, REFERENCE.name)]
    return next(one for one in candidates if one.refusal(request) is None)


def default_backend(request: Request) -> Backend:
    """The first of all backends that does not refuse."""
    return next(one for one in BACKENDS if one.refusal(request) is None)


@contextmanager
def backend(name: str | Backend) -> Iterator[None]:
    """Runs all requests within the context on one backend, and on the reference if it refuses.

    name: "native", "cudnn", "triton", "memory", "reference", or a backend of your own, which then runs every
        request

    >>> import torch, gatewise
    >>> with gatewise.backend("reference"):
    ...     output, state = gatewise.GRU(3, 4)(torch.randn(5, 2, 3))

    Raises: `GatewiseError` if there is no such backend.
    """
    known = [one.name for one in BACKENDS]
    if isinstance(name, str) and name not in known:
        raise GatewiseError(f"there is no backend {name!r}; there are {', '.join(known)}")
    token = _only.set(name)
    try:
        yield
    finally:
        _only.reset(token)


def _chosen() -> str | Backend | None:
    """The backend of the context; a compiled graph keeps that of its compilation."""
    return _only.get()


# As `torch.compiler.assume_constant_result`, which would import the compiler.
_chosen._dynamo_marked_constant = True  # type: ignore[attr-defined]

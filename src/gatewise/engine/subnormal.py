"""Flushes subnormal numbers to zero: vanished gradients are full of them, and they are slow."""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from gatewise.engine import build
from gatewise.engine.compiling import BuildError
from gatewise.engine.thread_plan import usable

log = logging.getLogger("gatewise")


@contextmanager
def flush_subnormals() -> Iterator[None]:
    """Flushes subnormal numbers to zero in the computations of this thread, gradients included.

    Values change by less than the smallest normal number, 1.2e-38 in float32. PyTorch's other threads flush
    too; afterwards each has its previous mode, even after an exception. Without a C++ compiler, only the
    calling thread flushes.

    >>> import torch, gatewise
    >>> layer = gatewise.RNN(3, 4)
    >>> with gatewise.flush_subnormals():
    ...     layer(torch.randn(5, 2, 3))[0][-1].sum().backward()
    """
    library = _library()
    if library is None:
        before = _flushes()
        torch.set_flush_denormal(True)
        try:
            yield
        finally:
            torch.set_flush_denormal(before)
        return
    threads = usable()
    found = (ctypes.c_uint64 * threads)()
    library.start_flushing(found, threads)
    try:
        yield
    finally:
        more = max(usable() - threads, 0)  # threads started since, which inherited this mode
        library.restore((ctypes.c_uint64 * (threads + more))(*found, *[found[0]] * more), threads + more)


def _flushes() -> bool:
    """Whether this thread flushes subnormal results: Python computes with the same registers."""
    half = 0.5
    return sys.float_info.min * half == 0.0


@cache
def _library() -> ctypes.CDLL | None:
    """The library that reaches the threads of PyTorch; None if it can't be compiled."""
    try:
        library = build.find(build.threads_program)
    except BuildError as error:
        log.info("subnormal numbers are flushed in the calling thread alone: %s", error)
        return None
    for name in ("start_flushing", "restore"):
        getattr(library, name).argtypes = [ctypes.POINTER(ctypes.c_uint64), ctypes.c_int64]
        getattr(library, name).restype = None
    return library

"""Memory for what a call needs only while it runs, used again by the next one.

Freshly mapped memory costs a page fault every 4 KiB, which can double the time of a training step.
"""

from __future__ import annotations

import threading

import torch
from torch import Tensor

MOST_BYTES = 1 << 30  # kept in all; what does not fit is given back to the system

_kept: list[Tensor] = []  # flat buffers of bytes, the smallest first
_lock = threading.Lock()


def take(like: Tensor, count: int) -> Tensor:
    """A flat buffer of so many numbers, their values undefined: a kept one if it is large enough."""
    needed = count * like.element_size()
    with _lock:
        fitting = next((place for place, one in enumerate(_kept) if len(one) >= needed), None)
        buffer = None if fitting is None else _kept.pop(fitting)
    if buffer is None:
        buffer = torch.empty(needed, dtype=torch.uint8)
    return buffer[:needed].view(like.dtype)


def give_back(buffer: Tensor) -> None:
    """Keeps a buffer that was taken for the next call."""
    whole = torch.empty(0, dtype=torch.uint8).set_(buffer.untyped_storage())
    with _lock:
        _kept.append(whole)
        _kept.sort(key=len)
        while sum(map(len, _kept)) > MOST_BYTES:
            _kept.pop(0)


def release() -> int:
    """Gives all kept memory back to the system; how many bytes that were."""
    with _lock:
        total = sum(map(len, _kept))
        _kept.clear()
    return total

"""Reuses memory: scratch memory of calls, and the memory of large results after their release.

Freshly mapped memory costs a page fault every 4 KiB, which can double the time of a training step.
"""

from __future__ import annotations

import weakref
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from gatewise.engine.thread_plan import new_lock

MAX_BYTES = 1 << 30  # cached in total; the rest is returned to the system
MIN_BYTES = 1 << 14  # below, the system's allocator reuses memory well enough

NOTHING = torch.empty(0, dtype=torch.uint8)

_kept: list[Tensor] = []  # flat buffers of bytes, the smallest first; changed under the lock
_returned: deque[Tensor] = deque()  # at any time, also by the garbage collector during `take`
_lock = new_lock()


def _size(buffer: Tensor) -> int:
    return buffer.nbytes


def take(size: int) -> Tensor:
    """A flat buffer of at least `size` bytes, values undefined."""
    if size < MIN_BYTES:
        return torch.empty(size, dtype=torch.uint8) if size else NOTHING
    with _lock:
        _sort_in()
        fitting = bisect_left(_kept, size, key=_size)
        if fitting < len(_kept) and _kept[fitting].nbytes <= 2 * size + MIN_BYTES:
            return _kept.pop(fitting)
    return torch.empty(size, dtype=torch.uint8)


def give_back(buffer: Tensor) -> None:
    """Returns a buffer for reuse; small ones are left to the system's allocator."""
    if buffer.nbytes < MIN_BYTES:
        return
    _returned.append(buffer)
    while _returned and _lock.acquire(blocking=False):  # otherwise its owner, or the next one, sorts them in
        try:
            _sort_in()
        finally:
            _lock.release()


def _sort_in() -> None:
    """Adds the returned buffers to the cache, under the lock, and drops buffers beyond the limit."""
    if not _returned:
        return
    while _returned:
        insort(_kept, _returned.popleft(), key=_size)
    total = sum(map(_size, _kept))
    while total > MAX_BYTES:
        total -= _kept.pop(0).nbytes


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A tensor of undefined values, whose memory is reused after the last tensor that shares it is gone.

    >>> empty((2, 3), torch.float32).shape
    torch.Size([2, 3])
    """
    count = 1
    for size in shape:
        count *= size
    if count * dtype.itemsize < MIN_BYTES:
        return torch.empty(shape, dtype=dtype)
    buffer = take(count * dtype.itemsize)
    lent = buffer.numpy()
    weakref.finalize(lent, give_back, buffer).atexit = False
    storage = torch.from_numpy(lent).untyped_storage()
    # Not a view, which autograd would track.
    return torch.empty(0, dtype=dtype).set_(storage, 0, tuple(shape))  # type: ignore[call-overload]


def empty_like(tensor: Tensor) -> Tensor:
    """A tensor of the same shape and memory order (of the first two of three axes), values undefined."""
    if tensor.dim() == 3 and tensor.stride(0) < tensor.stride(1):
        return empty((tensor.shape[1], tensor.shape[0], tensor.shape[2]), tensor.dtype).transpose(0, 1)
    return empty(tensor.shape, tensor.dtype)


def release() -> int:
    """Returns all cached memory to the system. Returns: the number of bytes."""
    with _lock:
        _sort_in()
        released, _kept[:] = [*_kept], []
    return sum(map(_size, released))

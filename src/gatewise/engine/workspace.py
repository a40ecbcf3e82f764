"""Memory that is used again: what a call needs while it runs, and large results once nobody holds them.

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

MOST_BYTES = 1 << 30  # kept in all; what does not fit is given back to the system
LEAST_BYTES = 1 << 14  # below, the system's own allocator reuses memory well enough

_kept: list[Tensor] = []  # flat buffers of bytes, the smallest first; changed under the lock
_returned: deque[Tensor] = deque()  # at any moment, also by the collector in the middle of `take`
_lock = new_lock()


def _size(buffer: Tensor) -> int:
    return buffer.nbytes


def take(size: int) -> Tensor:
    """A flat buffer of at least `size` bytes, values undefined."""
    if size < LEAST_BYTES:
        return torch.empty(size, dtype=torch.uint8)
    with _lock:
        _sort_in()
        fitting = bisect_left(_kept, size, key=_size)
        if fitting < len(_kept) and _kept[fitting].nbytes <= 2 * size + LEAST_BYTES:
            return _kept.pop(fitting)
    return torch.empty(size, dtype=torch.uint8)


def give_back(buffer: Tensor) -> None:
    """Keeps a buffer that was taken for the next call, unless the system's own allocator does that well."""
    if buffer.nbytes < LEAST_BYTES:
        return
    _returned.append(buffer)
    while _returned and _lock.acquire(blocking=False):  # else its holder, or the next, sorts them in
        try:
            _sort_in()
        finally:
            _lock.release()


def _sort_in() -> None:
    """Puts the returned buffers among those that are kept, under the lock; drops what is too much."""
    if not _returned:
        return
    while _returned:
        insort(_kept, _returned.popleft(), key=_size)
    total = sum(map(_size, _kept))
    while total > MOST_BYTES:
        total -= _kept.pop(0).nbytes


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A tensor of undefined values; when the last that shares its memory is gone, that is kept for the next.

    >>> empty((2, 3), torch.float32).shape
    torch.Size([2, 3])
    """
    count = 1
    for size in shape:
        count *= size
    if count * dtype.itemsize < LEAST_BYTES:
        return torch.empty(shape, dtype=dtype)
    buffer = take(count * dtype.itemsize)
    lent = buffer.numpy()
    weakref.finalize(lent, give_back, buffer).atexit = False
    storage = torch.from_numpy(lent).untyped_storage()
    # No view, as autograd would note that.
    return torch.empty(0, dtype=dtype).set_(storage, 0, tuple(shape))  # type: ignore[call-overload]


def empty_like(tensor: Tensor) -> Tensor:
    """The same shape and order in memory, values undefined; of three axes, the first two in any order."""
    if tensor.dim() == 3 and tensor.stride(0) < tensor.stride(1):
        return empty((tensor.shape[1], tensor.shape[0], tensor.shape[2]), tensor.dtype).transpose(0, 1)
    return empty(tensor.shape, tensor.dtype)


def release() -> int:
    """Gives all kept memory back to the system; how many bytes that were."""
    with _lock:
        _sort_in()
        released, _kept[:] = [*_kept], []
    return sum(map(_size, released))

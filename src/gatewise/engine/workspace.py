"""Memory that is used again: what a call needs while it runs, and large results once nobody holds them.

Freshly mapped memory costs a page fault every 4 KiB, which can double the time of a training step.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence

import torch
from torch import Tensor

MOST_BYTES = 1 << 30  # kept in all; what does not fit is given back to the system
LEAST_BYTES = 1 << 14  # below, the system's own allocator reuses memory well enough

_kept: list[Tensor] = []  # flat buffers of bytes, the smallest first
_lock = threading.RLock()  # a buffer may come back while the collector runs inside of `take`


def _size(buffer: Tensor) -> int:
    return buffer.nbytes


def take(size: int) -> Tensor:
    """A flat buffer of at least so many bytes, their values undefined."""
    if size < LEAST_BYTES:
        return torch.empty(size, dtype=torch.uint8)
    with _lock:
        fitting = next((place for place, one in enumerate(_kept) if one.nbytes >= size), None)
        if fitting is not None and _kept[fitting].nbytes <= 2 * size + LEAST_BYTES:
            return _kept.pop(fitting)
    return torch.empty(size, dtype=torch.uint8)


def give_back(buffer: Tensor) -> None:
    """Keeps a buffer that was taken for the next call, unless the system's own allocator does that well."""
    if buffer.nbytes < LEAST_BYTES:
        return
    with _lock:
        _kept.append(buffer)
        _kept.sort(key=_size)
        while sum(map(_size, _kept)) > MOST_BYTES:
            _kept.pop(0)


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
        total = sum(map(_size, _kept))
        _kept.clear()
    return total

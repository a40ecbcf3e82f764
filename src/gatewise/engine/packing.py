"""Parameters packed in the order of a kernel: once, and again after a change."""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock

import torch
from torch import Tensor

from gatewise.engine import workspace
from gatewise.engine.thread_plan import new_lock

MAX_BYTES = 1 << 28  # of packed parameters that are cached
MAX_ENTRIES = 1 << 9  # sets of parameters; computed weights are a new set at each call


@dataclass(eq=False)
class Weights:
    """Parameters in memory: the address of each matrix, bias and vector, and all of them packed.

    Threads share packed memory, so it is published only when complete and never written again; a thread that
    still computes with the old weights keeps the old memory.
    """

    addresses: list[int]
    packed: Tensor | None = None
    lock: Lock = field(default_factory=new_lock)  # locked by the thread that packs

    def ready(self, library: ctypes.CDLL, problem: int, size: int) -> Tensor:
        """The packed parameters, bitwise equal to the parameters.

        library: a compiled cell; problem: the address of its `Problem`; size: bytes of the packed parameters
        """
        seen = self.packed
        if seen is not None and library.same(problem, seen.data_ptr()):
            return seen
        with self.lock:
            packed = self.packed
            if packed is not None and packed is not seen and library.same(problem, packed.data_ptr()):
                return packed  # packed by the previous owner of the lock
            fresh = workspace.empty((size,), torch.uint8)
            if library.pack(problem, fresh.data_ptr()):
                self.packed = fresh
            return fresh  # used by this call alone if the parameters changed meanwhile

    def bytes(self) -> int:
        """The size of the packed parameters."""
        packed = self.packed
        return 0 if packed is None else packed.nbytes


class WeightCache:
    """The parameters of a kernel; the least recently used are dropped if they take too much memory."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Weights] = OrderedDict()
        self._lock = new_lock()

    def find(self, key: Hashable, addresses: Callable[[], list[int]]) -> Weights:
        """The weights of a key. addresses: computes the addresses of the parameters of a new key"""
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
                return found
            found = self._known[key] = Weights(addresses())
            total = sum(one.bytes() for one in self._known.values())
            while len(self._known) > 1 and (total > MAX_BYTES or len(self._known) > MAX_ENTRIES):
                total -= self._known.popitem(last=False)[1].bytes()
            return found

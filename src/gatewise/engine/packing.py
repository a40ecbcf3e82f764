"""Parameters in a kernel's order: packed once, found again by where they lie, packed anew after a change."""

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

MOST_BYTES = 1 << 28  # of packed parameters that are kept for the next call
MOST_KNOWN = 1 << 9  # sets of parameters; those of a network whose weights are computed are new at each call


@dataclass(eq=False)
class Weights:
    """Parameters as they lie in memory: where each matrix, bias and vector begins, and all of them packed.

    Threads share packed memory, so it is published only when complete and never written again: whoever
    still computes with the old weights keeps the old memory.
    """

    addresses: list[int]
    packed: Tensor | None = None
    lock: Lock = field(default_factory=new_lock)  # held by the one thread that packs

    def ready(self, library: ctypes.CDLL, problem: int, size: int) -> Tensor:
        """The packed parameters, equal to the parameters in every bit.

        library: a compiled cell; problem: the address of its `Problem`; size: bytes of the packed parameters
        """
        seen = self.packed
        if seen is not None and library.same(problem, seen.data_ptr()):
            return seen
        with self.lock:
            packed = self.packed
            if packed is not None and packed is not seen and library.same(problem, packed.data_ptr()):
                return packed  # by the thread that held the lock before
            fresh = workspace.empty((size,), torch.uint8)
            if library.pack(problem, fresh.data_ptr()):
                self.packed = fresh
            return fresh  # which no other call sees if the parameters changed while they were packed

    def bytes(self) -> int:
        """Of memory that the packed parameters take."""
        packed = self.packed
        return 0 if packed is None else packed.nbytes


class Shelf:
    """The parameters that a kernel has seen, the least recently used dropped where they take too much."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Weights] = OrderedDict()
        self._lock = new_lock()

    def find(self, key: Hashable, addresses: Callable[[], list[int]]) -> Weights:
        """The weights of a key; `addresses` computes where a new key's parameters begin."""
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
                return found
            found = self._known[key] = Weights(addresses())
            total = sum(one.bytes() for one in self._known.values())
            while len(self._known) > 1 and (total > MOST_BYTES or len(self._known) > MOST_KNOWN):
                total -= self._known.popitem(last=False)[1].bytes()
            return found

"""How threads divide the work of a kernel call."""

from __future__ import annotations

import os
import threading
import weakref
from math import prod

import torch

LARGE = 4_000_000  # weights, more than the cache of a core holds
SMALL = 800_000  # multiplications of a call, below which more threads do not pay off

_forked = False  # OpenMP's threads do not exist in a forked child, which would wait for them forever


_locks: weakref.WeakSet[threading.Lock] = weakref.WeakSet()


def new_lock() -> threading.Lock:
    """A lock that is released in a forked child, in which its owner does not exist."""
    lock = threading.Lock()
    _locks.add(lock)
    return lock


def _after_fork() -> None:
    global _forked
    _forked = True
    for lock in _locks:
        lock._at_fork_reinit()  # type: ignore[attr-defined]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def usable() -> int:
    """The number of threads of PyTorch's operations."""
    return 1 if _forked else torch.get_num_threads()


def plan_threads(
    sizes: tuple[int, ...], batch: int, weights: int, in_parallel: int = 1
) -> tuple[int, bool, bool]:
    """The number of threads, whether they divide units (not rows), and whether inputs are multiplied ahead.

    Threads that divide rows never wait for each other, but each reads all weights, which is slow for few rows
    or if the weights exceed the cache of a core. A lattice has many rows for each sample.
    """
    alone = _forked or prod(sizes) * batch * weights < SMALL
    threads = 1 if alone else torch.get_num_threads() // in_parallel
    few = batch < 12 * threads if len(sizes) == 1 else batch % threads > 0 and batch < 4 * threads
    return threads, threads > 1 and (few or weights > LARGE), batch <= 2 and len(sizes) == 1


def fit_in_parallel(count: int) -> bool:
    """Whether `count` problems can run in parallel with the same number of threads each, none left over."""
    return count > 1 and not _forked and torch.get_num_threads() % count == 0

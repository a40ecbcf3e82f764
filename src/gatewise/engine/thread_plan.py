"""How the threads share the work of a kernel's call."""

from __future__ import annotations

import os
import threading
import weakref
from math import prod

import torch

LARGE = 4_000_000  # weights that no core's own cache holds
SMALL = 800_000  # multiplications of a call below which more threads cost more than they do

_forked = False  # OpenMP's threads are not there in a forked child, which would wait for them for ever


_locks: weakref.WeakSet[threading.Lock] = weakref.WeakSet()


def new_lock() -> threading.Lock:
    """A lock that is open in a forked child, where the thread that held it is not there to release it."""
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
    """How many threads PyTorch shares an operation among."""
    return 1 if _forked else torch.get_num_threads()


def thread_plan(
    sizes: tuple[int, ...], batch: int, weights: int, side_by_side: int = 1
) -> tuple[int, bool, bool]:
    """How many threads run a problem, if they share units rather than rows, if inputs are multiplied ahead.

    Rows are shared without any waiting. But each thread then reads all weights, which is too much where
    rows are few, or weights too many for the cache of a core. A lattice has many rows for each sample.
    """
    alone = _forked or prod(sizes) * batch * weights < SMALL
    threads = 1 if alone else torch.get_num_threads() // side_by_side
    few = batch < 12 * threads if len(sizes) == 1 else batch % threads > 0 and batch < 4 * threads
    return threads, threads > 1 and (few or weights > LARGE), batch <= 2 and len(sizes) == 1


def fit_side_by_side(count: int) -> bool:
    """Whether so many problems can run at once, each with as many threads as the others, none left over."""
    return count > 1 and not _forked and torch.get_num_threads() % count == 0

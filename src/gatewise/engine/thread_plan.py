"""How threads divide the work of a kernel call."""

from __future__ import annotations

import os
import threading
import weakref
from math import ceil, prod

import torch

from gatewise.engine.machine import machine

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

    Threads that divide rows never wait for each other, but each reads all weights; threads that divide units
    read a part each. The plan with the shorter predicted time of a step is chosen.
    """
    alone = _forked or prod(sizes) * batch * weights < SMALL
    threads = 1 if alone else torch.get_num_threads() // in_parallel
    ahead = batch <= 2 and len(sizes) == 1 and sizes[0] > 1
    if threads == 1:  # most single steps: no time for predictions
        return 1, False, ahead
    by_rows, by_units = predicted_steps(sizes, batch, weights, threads)
    share_units = by_units < by_rows
    return threads if share_units else min(threads, batch), share_units, ahead


def predicted_steps(sizes: tuple[int, ...], batch: int, weights: int, threads: int) -> tuple[float, float]:
    """The predicted seconds of a step if threads divide rows, and if they divide units; equal for one thread.

    A lattice has as many rows for each sample as a diagonal has positions, in the mean.
    """
    diagonal = prod(sizes) / (sum(sizes) - len(sizes) + 1)
    by_rows = machine().step(ceil(batch / threads) * diagonal, weights)
    return by_rows, machine().step(batch * diagonal, weights, threads)


def fit_in_parallel(count: int) -> bool:
    """Whether `count` problems can run in parallel with the same number of threads each, none left over."""
    return count > 1 and not _forked and torch.get_num_threads() % count == 0

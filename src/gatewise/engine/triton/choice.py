"""The choice of the schedule that runs a call on a GPU: the one with the shortest estimated time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from gatewise.compiler.triton_kernel import runs_all_steps
from gatewise.engine.triton import scan
from gatewise.engine.triton.costs import RATES, Call, Schedule, product_time
from gatewise.engine.triton.launches import FEWEST, RECORDED
from gatewise.engine.triton.loop import Loop
from gatewise.engine.triton.one_launch import OneLaunch
from gatewise.engine.triton.resident import RESIDENT


def _needs_states(call: Call) -> str | None:
    return None if runs_all_steps(call.plan) else "a product or a normalizer is between states of two steps"


def _needs_none(call: Call) -> str | None:
    return "no product or normalizer is between states of two steps" if runs_all_steps(call.plan) else None


def _in_one_launch(call: Call) -> float:
    stages, steps = len(call.plan.stages), call.sizes.steps
    work = stages * RATES.launch + steps * max(stages * RATES.step, call.step_bytes() / RATES.bandwidth)
    return work + sum(product_time(call, one, steps) for one in call.recurrent)


def _step_by_step(call: Call) -> float:
    """As `launches.repeat` launches steps."""
    steps, kernels, products = call.sizes.steps, len(call.plan.stages), len(call.recurrent)
    work = kernels * RATES.step + call.step_bytes() / RATES.cached
    work += sum(product_time(call, one) for one in call.recurrent)
    launched, replayed = (max(work, (kernels + products) * one) for one in (RATES.launch, RATES.replayed))
    if steps < FEWEST:
        return steps * launched
    return RATES.recording + RECORDED * launched + (steps - RECORDED) * replayed


STEPS = Schedule("step by step", Loop, _needs_none, _step_by_step)
ONE_LAUNCH = Schedule("one launch", OneLaunch, _needs_states, _in_one_launch)
SCAN = Schedule("chunked scan", scan.Scan, scan.refusal, scan.time)
# Every call has at least one that runs it. All save the same `History`, so that any can run its gradient.
SCHEDULES: tuple[Schedule, ...] = (STEPS, ONE_LAUNCH, SCAN, RESIDENT)
_allowed = SCHEDULES


def choose(call: Call) -> Schedule:
    """The schedule of a call.

    >>> from gatewise.cells import GRU, MinGRU
    >>> from gatewise.compiler.stages import plan
    >>> from gatewise.engine.triton.weights import Sizes
    >>> sizes = Sizes(steps=100, batch=16, units=512, widths=(512,), heads=1)
    >>> [choose(Call(plan(cell), sizes, "float32", saves=True)).name for cell in (GRU, MinGRU)]
    ['step by step', 'chunked scan']
    """
    return _fastest(call, _allowed)


@contextmanager
def schedules(*allowed: Schedule) -> Iterator[None]:
    """Chooses among some schedules only where one of them can run a call, in all threads: to compare them."""
    global _allowed
    before, _allowed = _allowed, allowed
    try:
        yield
    finally:
        _allowed = before


@lru_cache(1024)
def _fastest(call: Call, allowed: tuple[Schedule, ...]) -> Schedule:
    able = [one for one in SCHEDULES if one.refusal(call) is None]
    return min([one for one in able if one in allowed] or able, key=lambda one: one.time(call))

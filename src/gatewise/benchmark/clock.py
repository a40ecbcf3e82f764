"""Time taken in turns: what disturbs the machine for a while disturbs everybody alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

TURN = 0.02  # seconds that a turn lasts at least, in as many calls as that takes
CALLS, LONG = 3, 1.0  # and so many calls, the first of which finds its memory cold, unless they take so long
PAUSE = 0.003  # before each turn, until the threads of whoever was before have gone to sleep
PATIENCE, FEWEST = 6.0, 3  # a slow candidate leaves after so many seconds, and so many turns at least
# Calls before the first turn, fewer where they last too long: malloc takes up to eight to use memory again.
WARM_UP, FEWEST_WARM, WARM_SECONDS = 10, 2, 1.5
Call = Callable[[], object]


def take_turns(calls: Mapping[str, Call], repeats: int) -> dict[str, list[float]]:
    """Seconds of one call, for each candidate and turn; within a turn the median counts.

    >>> times = take_turns({"sum": lambda: sum(range(10)), "max": lambda: max(range(10))}, repeats=2)
    >>> {who: len(own) for who, own in times.items()}
    {'sum': 2, 'max': 2}
    """
    for call in calls.values():
        _warm_up(call)
    times: dict[str, list[float]] = {who: [] for who in calls}
    spent = dict.fromkeys(calls, 0.0)
    for _ in range(repeats):
        for who, call in calls.items():
            if spent[who] < PATIENCE or len(times[who]) < FEWEST:
                time.sleep(PAUSE)
                began = time.perf_counter()
                times[who].append(_turn(call))
                spent[who] += time.perf_counter() - began
    return times


def _warm_up(call: Call) -> None:
    began = time.perf_counter()
    for count in range(WARM_UP):
        if count < FEWEST_WARM or time.perf_counter() - began < WARM_SECONDS:
            call()


def _turn(call: Call) -> float:
    """Calls again and again; what a call returned is thrown away between the calls' times."""
    single: list[float] = []
    while sum(single) < TURN or (len(single) < CALLS and sum(single) < LONG):
        began = time.perf_counter()
        done = call()
        single.append(time.perf_counter() - began)
        del done
    return statistics.median(single)

"""Timing in turns, so that a temporary disturbance of the machine affects all candidates alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

TURN = 0.02  # seconds of a turn, at least, in as many calls as needed
CALLS = 3  # calls of a turn, at least: the first one has a cold cache
LONG = 1.0  # seconds after which a turn has fewer calls
PAUSE = 0.003  # seconds before each turn, until the threads of the previous candidate sleep
PATIENCE, FEWEST = 6.0, 3  # seconds after which a slow candidate stops, and the minimum number of turns
# Calls before the first turn, fewer if they take too long: malloc reuses memory after up to eight.
WARM_UP, FEWEST_WARM, WARM_SECONDS = 10, 2, 1.5
Call = Callable[[], object]


def take_turns(calls: Mapping[str, Call], repeats: int) -> dict[str, list[float]]:
    """The seconds of one call, for each candidate and turn: the median within the turn.

    >>> times = take_turns({"sum": lambda: sum(range(10)), "max": lambda: max(range(10))}, repeats=2)
    >>> {name: len(own) for name, own in times.items()}
    {'sum': 2, 'max': 2}
    """
    for call in calls.values():
        _warm_up(call)
    times: dict[str, list[float]] = {name: [] for name in calls}
    spent = dict.fromkeys(calls, 0.0)
    for _ in range(repeats):
        for name, call in calls.items():
            if spent[name] < PATIENCE or len(times[name]) < FEWEST:
                time.sleep(PAUSE)
                began = time.perf_counter()
                times[name].append(_turn(call))
                spent[name] += time.perf_counter() - began
    return times


def _warm_up(call: Call) -> None:
    began = time.perf_counter()
    for count in range(WARM_UP):
        if count < FEWEST_WARM or time.perf_counter() - began < WARM_SECONDS:
            call()


def _turn(call: Call) -> float:
    """The median time of repeated calls; results are released outside of the timed intervals."""
    single: list[float] = []
    while sum(single) < TURN or (len(single) < CALLS and sum(single) < LONG):
        began = time.perf_counter()
        done = call()
        single.append(time.perf_counter() - began)
        del done
    return statistics.median(single)

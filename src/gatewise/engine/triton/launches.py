"""Repeats launches: one by one, or a recorded sequence of them as a CUDA graph."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from gatewise.plain import one_line

log = logging.getLogger("gatewise")
Step = Callable[[int], None]  # launches the kernels of a step, given its distance from the counter
RECORDED = 16  # steps of a graph; an even number, as buffers alternate
FEWEST = 4 * RECORDED  # below, recording takes longer than it saves


class Recording(Protocol):
    """Launches that can be repeated."""

    def replay(self) -> None:
        """Launches them again."""


def repeat(step: Step, steps: int, counter: Tensor, direction: int) -> None:
    """Runs `step(0)`, `step(direction)`, ...: kernels add the counter, in memory, to the number of a step.

    The counter is moved on after each recorded sequence.
    """
    done = 0
    if steps >= FEWEST and can_record(counter):
        for number in range(RECORDED):  # compiles all kernels, which a recording can't
            step(number * direction)
        counter.add_(RECORDED * direction)
        done, recording = RECORDED, record(step, counter, direction)
        while recording is not None and steps - done >= RECORDED:
            recording.replay()
            done += RECORDED
    for number in range(steps - done):
        step(number * direction)


def can_record(counter: Tensor) -> bool:
    """Whether launches can be recorded: on a GPU, unless the caller records them already."""
    return counter.is_cuda and not torch.cuda.is_current_stream_capturing()


def record(step: Step, counter: Tensor, direction: int) -> Recording | None:
    """Records `RECORDED` steps, which are not run, and the move of the counter after them.

    Returns: None, and logs the reason, if they can't be recorded; then they can be launched one by one.
    """
    try:
        return _graph(step, counter, direction)
    except RuntimeError as error:
        log.warning("a GPU runs steps one by one, more slowly, as no graph was recorded: %s", one_line(error))
        return None


def _graph(step: Step, counter: Tensor, direction: int) -> Recording:
    graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream(counter.device)
    side = torch.cuda.Stream(counter.device)
    side.wait_stream(current)
    with torch.cuda.stream(side):
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            for number in range(RECORDED):
                step(number * direction)
            counter.add_(RECORDED * direction)
        finally:
            graph.capture_end()
    current.wait_stream(side)
    return graph

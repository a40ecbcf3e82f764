"""Affine recurrences in chunks of steps that run at the same time.

One launch runs all steps of a chunk in a program. Few rows of long sequences occupy a small part of a GPU by
it; chunks multiply the programs, for which each step is computed once more for each level of the recurrence:
composed with the others of its chunk, before the states between chunks are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import isqrt
from typing import Any

from torch import Tensor
from torch.nn.functional import pad

from gatewise.compiler.affine import recurrence
from gatewise.compiler.stages import StagePlan
from gatewise.compiler.triton_kernel import StepKernel
from gatewise.compiler.triton_scan import ScanKernels
from gatewise.compiler.triton_source import kernels
from gatewise.engine.triton.backward import Backward
from gatewise.engine.triton.buffers import History
from gatewise.engine.triton.costs import RATES, Call, product_time
from gatewise.engine.triton.one_launch import OneLaunch
from gatewise.engine.triton.tiles import power_of_two

SHORTEST = 16  # steps of a chunk, an estimate


def refusal(call: Call) -> str | None:
    """Why a call can't be divided into chunks, or None."""
    obstacle = recurrence(call.plan).obstacle
    if obstacle is None and call.sizes.steps <= chunk_of(call.plan, call.sizes.steps):
        return f"{call.sizes.steps} steps are no more than a chunk"
    return obstacle


def time(call: Call) -> float:
    """An estimate in microseconds."""
    steps, stages = call.sizes.steps, len(call.plan.stages)
    levels, chunk = len(recurrence(call.plan).levels), chunk_of(call.plan, steps)
    waiting = RATES.step * ((levels + stages) * chunk + levels * steps / chunk)
    moving = (levels + 1) * steps * call.step_bytes() / RATES.bandwidth
    products = sum(product_time(call, one, steps) for one in call.recurrent)
    return (2 * levels + stages) * RATES.launch + max(waiting, moving) + products


def chunk_of(plan: StagePlan, steps: int) -> int:
    """The steps of a chunk: about as many as make those inside a chunk and those between chunks the fewest.

    >>> from gatewise.cells import MinGRU
    >>> from gatewise.compiler.stages import plan
    >>> [chunk_of(plan(MinGRU), steps) for steps in (100, 4096)]
    [16, 64]
    """
    levels = len(recurrence(plan).levels)
    return max(SHORTEST, power_of_two(isqrt(steps * levels // (levels + 1))))


class Scan(OneLaunch):
    """Composes the steps of each chunk, carries states from chunk to chunk, then runs the chunks."""

    @cached_property
    def chunk(self) -> int:
        return chunk_of(self.plan, self.sizes.steps)

    def starts(self, history: History) -> Tensor:
        found = self.zeros(*self._shape)
        found[0] = history.states[0]
        return found

    def ends(self, back: Backward) -> tuple[Tensor, Tensor]:
        found = self.zeros(*self._shape)
        found[-1] = back.passed[self.sizes.steps % 2]
        return found, self.empty(*self._shape)

    def before_forward(self, stage: int, values: Mapping[str, Any]) -> None:
        for level in self._levels(stage):
            self.find(level, level.forward, values, values["starts"], 0, 1)

    def before_backward(self, stage: int, values: Mapping[str, Any]) -> None:
        for level in reversed(self._levels(stage)):
            self.find(level, level.backward, values, values["carried"], self.chunks - 1, -1)

    @property
    def _shape(self) -> tuple[int, ...]:
        return self.chunks, len(self.plan.program.states), self.sizes.batch, self.sizes.stride

    def _levels(self, stage: int) -> list[ScanKernels]:
        """The levels of a stage whose values between chunks are needed: steps read, or padding keeps them."""
        every = [one for one in kernels(self.plan).scan if one.level.stage == stage]
        return [one for one in every if one.level.is_read or self.lengths is not None]

    def find(
        self, level: ScanKernels, composition: StepKernel, values: Mapping[str, Any], known: Tensor,
        first: int, direction: int,
    ) -> None:  # fmt: skip
        """Finds the values of a level between chunks, beside those that are known: of chunk `first`."""
        stage = level.level.stage
        composed = self.empty(self.chunks, level.numbers, *self._shape[2:])
        self.launch(composition, stage, {**values, "composed": composed})(0)
        own = {
            "composed": composed, "carried": known, "cleared": self._cleared(direction),
            "steps": self.chunks - 1, "DIRECTION": direction,
        }  # fmt: skip
        self.launch(level.carry, stage, own)(first)

    def _cleared(self, direction: int) -> Tensor | None:
        """[chunks, B]: whether a reset is before a step of a chunk; backward, after one."""
        if self.flags is None:
            return None
        flags = self.flags[:-1] if direction > 0 else self.flags[1:]
        return (
            pad(flags, (0, 0, 0, self.chunks * self.chunk - len(flags)))
            .view(self.chunks, self.chunk, -1)
            .amax(1)
        )

"""A loop of PyTorch's operations: the reference engine."""

from __future__ import annotations

from copy import deepcopy

from torch import Tensor

from gatewise.benchmark.candidate import BFLOAT16, FLOAT32, Competitor, TimedCandidate, TorchCandidate
from gatewise.benchmark.competitors.ours import candidate_of
from gatewise.benchmark.workload import BenchmarkProblem
from gatewise.engine.choice import backend


class Eager(Competitor):
    """Any cell, one small operation at a time."""

    name = "eager loop"
    dtypes = (FLOAT32, BFLOAT16)
    quick = False

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        layer = candidate_of(deepcopy(problem.layer), problem, dtype)

        def run(values: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            with backend("reference"):
                return layer.run(values)

        return TorchCandidate(problem, run, layer.parameters, dtype)

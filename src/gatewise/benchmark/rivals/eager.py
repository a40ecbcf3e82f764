"""A plain loop of PyTorch's operations: the reference engine."""

from __future__ import annotations

from copy import deepcopy

from torch import Tensor

from gatewise.benchmark.contender import Contender, Rival, TorchContender
from gatewise.benchmark.rivals.ours import contender_of
from gatewise.benchmark.workload import Problem
from gatewise.engine.choice import backend


class Eager(Rival):
    """Any cell, one small operation after another."""

    name = "eager loop"
    has_bfloat16 = True

    def prepare(self, problem: Problem, bfloat16: bool = False) -> Contender:
        layer = contender_of(deepcopy(problem.layer), problem, bfloat16)

        def run(values: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            with backend("reference"):
                return layer.run(values)

        return TorchContender(problem, run, layer.parameters, bfloat16)

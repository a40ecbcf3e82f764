"""Checks the results of a candidate against the reference engine; a wrong candidate is not timed."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor

from gatewise.benchmark.candidate import FLOAT32, INT8, Results, TimedCandidate, TorchCandidate
from gatewise.benchmark.competitors.ours import candidate_of
from gatewise.benchmark.workload import BenchmarkProblem
from gatewise.engine.choice import backend

# The tolerance: this fraction of the largest number (float32 has seven digits, and a gradient sums
# thousands of products), plus a multiple of the error of the reference engine in the same precision.
FRACTION, TIMES = 1e-4, 5


class Checker:
    """Compares with the reference engine in float64, on the problem that is timed."""

    true: Results
    plain: Results

    def __init__(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> None:
        self.true = _reference(problem, torch.float64)
        self.plain = _reference(problem, torch.float32, dtype)

    def disagreement(self, candidate: TimedCandidate, which: str) -> str | None:
        """A description of the first result that deviates from the reference; None if all agree."""
        found = candidate.read(candidate.forward() if which == "forward" else candidate.both())
        plain = dict(_named(self.plain, which))
        for name, other in _named(self.true, which):
            one = dict(_named(found, which)).get(name, other.new_zeros(0))
            if one.shape != other.shape:
                return f"{name} has shape {list(one.shape)} instead of {list(other.shape)}"
            error, largest = _distance(one, other), float(other.abs().max())
            if name.startswith("final state"):  # it may have decayed, and has an error from earlier steps
                largest = max(largest, float(self.true.output.abs().max()))
            if not error <= FRACTION * largest + TIMES * _distance(plain[name], other):  # NaN is an error too
                return f"{name} is off by {error:.1e}, with {largest:.1e} as the largest number"
        return None


def _reference(problem: BenchmarkProblem, number: torch.dtype, dtype: str = FLOAT32) -> Results:
    """The results of the reference engine."""
    layer = candidate_of(deepcopy(problem.layer).to(number), problem, dtype)

    def run(values: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        with backend("reference"):
            return layer.run(values.to(number))

    candidate = TorchCandidate(problem, run, layer.parameters, dtype)
    needs_gradients = "both" in problem.case.passes and dtype != INT8
    return candidate.read(candidate.both() if needs_gradients else candidate.forward())


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).abs().max())


def _named(results: Results, which: str) -> Iterator[tuple[str, Tensor]]:
    yield "the output", results.output
    for number, one in enumerate(results.final, 1):
        yield f"final state {number}", one
    for name, one in results.gradients.items() if which == "both" else ():
        yield f"the gradient of {name}", one

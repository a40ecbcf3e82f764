"""Whether a contender computes what the reference defines: no speed without it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor

from gatewise.benchmark.contender import Contender, Results, TorchContender
from gatewise.benchmark.rivals.ours import contender_of
from gatewise.benchmark.workload import Problem
from gatewise.engine.choice import backend

# How far off one may be: this share of the largest number (float32 has seven digits, and a gradient
# sums thousands of products), and so many times what the same equations, done plainly, are off.
SHARE, TIMES = 1e-4, 5


class Judge:
    """Compares with the reference engine in float64, on the very problem that is timed."""

    def __init__(self, problem: Problem, bfloat16: bool = False) -> None:
        self.true = _reference(problem, torch.float64)
        self.plain = _reference(problem, torch.float32, bfloat16)

    def disagreement(self, contender: Contender, which: str) -> str | None:
        """What of a contender's results is not the reference's, and by how much; None where all is."""
        found = contender.read(contender.forward() if which == "forward" else contender.both())
        plain = dict(_named(self.plain, which))
        for name, other in _named(self.true, which):
            one = dict(_named(found, which)).get(name, other.new_zeros(0))
            if one.shape != other.shape:
                return f"{name} has shape {list(one.shape)} instead of {list(other.shape)}"
            error, largest = _distance(one, other), float(other.abs().max())
            if not error <= SHARE * largest + TIMES * _distance(plain[name], other):  # NaN is an error too
                return f"{name} is {error:.1e} off, where the largest number is {largest:.1e}"
        return None


def _reference(problem: Problem, dtype: torch.dtype, bfloat16: bool = False) -> Results:
    """What the reference engine gives."""
    layer = contender_of(deepcopy(problem.layer).to(dtype), problem, bfloat16)

    def run(values: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        with backend("reference"):
            return layer.run(values.to(dtype))

    contender = TorchContender(problem, run, layer.parameters, bfloat16)
    return contender.read(contender.both())


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).abs().max())


def _named(results: Results, which: str) -> Iterator[tuple[str, Tensor]]:
    yield "the output", results.output
    for place, one in enumerate(results.final):
        yield f"final state {place + 1}", one
    for name, one in results.gradients.items() if which == "both" else ():
        yield f"the gradient of {name}", one

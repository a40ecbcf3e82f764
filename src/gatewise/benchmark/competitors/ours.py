"""The variants of gatewise."""

from __future__ import annotations

import inspect
from copy import deepcopy

from torch import Tensor

from gatewise.benchmark.candidate import (
    BFLOAT16,
    FLOAT32,
    INT8,
    Competitor,
    TimedCandidate,
    TorchCandidate,
    joined,
    states,
)
from gatewise.benchmark.workload import ALL_STEPS, WORKLOADS, BenchmarkProblem
from gatewise.layers import Lattice, Recurrent
from gatewise.layers.quantization import quantize


def candidate_of(
    layer: Recurrent | Lattice, problem: BenchmarkProblem, dtype: str, trace: bool = False
) -> TorchCandidate:
    """A layer of gatewise with the weights of the problem, as a candidate."""

    number = next(layer.parameters()).dtype
    hx = problem.state and joined([one[None].to(number) for one in problem.state.values()])
    layer = quantize(layer) if dtype == INT8 else layer

    def run(values: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        if isinstance(layer, Lattice):
            return layer(values)[0], ()
        output, last, *_ = layer(values, hx, lengths=problem.lengths, trace=trace)
        return output, states(last)

    parameters = {name.removesuffix("_l0"): one for name, one in layer.named_parameters()}
    return TorchCandidate(problem, run, parameters, dtype)


class Ours(Competitor):
    """The layer with default options."""

    name = "gatewise"
    workloads = tuple(WORKLOADS)
    dtypes: tuple[str, ...] = (FLOAT32, BFLOAT16, INT8)
    lattices = True

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        return candidate_of(deepcopy(problem.layer), problem, dtype)


class Recomputing(Competitor):
    """The layer that saves less for the backward pass and recomputes its gates."""

    name = "gatewise recompute"
    passes = ("both",)
    workloads = (ALL_STEPS,)
    dtypes = (FLOAT32, BFLOAT16)
    lattices = False

    def missing(self) -> str | None:
        has_option = "recompute" in inspect.signature(Recurrent.__init__).parameters
        return None if has_option else "this version has no recompute"

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        shape = problem.case.shape
        options = {"recompute": "gates"}
        layer = Recurrent(problem.case.cell, shape.inputs, shape.hidden, **options)  # type: ignore[arg-type]
        layer.load_state_dict(problem.layer.state_dict())
        return candidate_of(layer, problem, dtype)


class Traced(Competitor):
    """The layer that also returns every gate and state of every step."""

    name = "gatewise traced"
    passes = ("forward",)
    workloads = (ALL_STEPS,)
    dtypes = (FLOAT32, BFLOAT16)

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        return candidate_of(deepcopy(problem.layer), problem, dtype, trace=True)


class Float32(Ours):
    """The layer in float32, beside bfloat16 and int8."""

    name = "gatewise float32"
    dtypes = (BFLOAT16, INT8)

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        return super().prepare(problem)

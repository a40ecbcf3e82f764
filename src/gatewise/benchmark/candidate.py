"""Competitors and candidates: a competitor prepares a candidate for a problem, which is checked and timed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from gatewise.benchmark.workload import ALL_STEPS, LAST_STEP, PASSES, ZEROS, BenchmarkCase, BenchmarkProblem

FLOAT32, BFLOAT16, INT8 = "float32", "bfloat16", "int8"  # of products: as given, by autocast, of weights


@dataclass(frozen=True, eq=False)
class Results:
    """The results of a candidate.

    output: [T, B, H]; final: [B, H] for each state; gradients: of `input` and of each parameter
    """

    output: Tensor
    final: tuple[Tensor, ...]
    gradients: Mapping[str, Tensor] = field(default_factory=dict)


class TimedCandidate(ABC):
    """One prepared problem, which can run any number of times."""

    @abstractmethod
    def forward(self) -> Any:
        """The output and the final states, without gradients, in the library's own types."""

    def both(self) -> Any:
        """The same, with the gradients of the input and of all parameters."""
        raise NotImplementedError

    @abstractmethod
    def read(self, done: Any) -> Results:
        """The return value of `forward` or `both`, as tensors of PyTorch."""

    def saved_bytes(self) -> int | None:
        """The bytes saved between forward and backward; None if they can't be counted."""
        return None


class Competitor(ABC):
    """A library, or a way to run cells, that takes part in the comparison."""

    name: str
    needs: tuple[str, ...] = ()  # packages beside those of gatewise
    passes: tuple[str, ...] = PASSES
    workloads: tuple[str, ...] = (ALL_STEPS, LAST_STEP, ZEROS)
    dtypes: tuple[str, ...] = (FLOAT32,)
    quick = True  # whether it is in quick runs; those that are slow to prepare or run are not
    lattices = False  # whether it runs over lattices, and over sequences
    sequences = True

    def missing(self) -> str | None:
        """The reason why it can't run on this machine, or None."""
        absent = [one for one in self.needs if find_spec(one) is None]
        return f"not installed: {', '.join(absent)}" if absent else None

    def fits(self, case: BenchmarkCase) -> bool:
        """Whether it runs cases of this kind."""
        runs = self.sequences if case.shape.axes == 1 else self.lattices
        return runs and case.workload in self.workloads and bool(self.measured(case))

    def measured(self, case: BenchmarkCase) -> list[str]:
        """The passes of a case that it runs."""
        return [one for one in case.passes if one in self.passes]

    def refusal(self, case: BenchmarkCase) -> str | None:
        """The reason why it can't run a case that fits, or None."""
        return None

    @abstractmethod
    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        """Prepares a candidate, with everything that is done once, such as packing the weights."""


Run = Callable[[Tensor], tuple[Tensor, tuple[Tensor, ...]]]  # values -> output, final states


class TorchCandidate(TimedCandidate):
    """A candidate with gradients by PyTorch's autograd."""

    run: Run
    parameters: dict[str, Tensor]
    dtype: str
    values: Tensor
    incoming: Tensor

    def __init__(
        self, problem: BenchmarkProblem, run: Run, parameters: Mapping[str, Tensor], dtype: str = FLOAT32
    ) -> None:
        self.run, self.parameters, self.dtype = run, dict(parameters), dtype
        self.values, self.incoming = problem.values.clone().requires_grad_(), problem.incoming

    def forward(self) -> Any:
        with torch.no_grad():
            return self._run()

    def both(self) -> Any:
        for one in (self.values, *self.parameters.values()):
            one.grad = None
        output, final = self._run()
        output.backward(self.incoming.to(output.dtype))
        return output, final

    def read(self, done: Any) -> Results:
        output, final = done
        leaves = {"input": self.values, **self.parameters} if output.requires_grad else {}
        gradients = {name: one.grad for name, one in leaves.items() if one.grad is not None}
        return Results(output.detach(), tuple(one.detach() for one in final), gradients)

    def saved_bytes(self) -> int | None:
        saved: list[Tensor] = []

        def save(value: Tensor) -> Tensor:
            saved.append(value)
            return value

        with torch.autograd.graph.saved_tensors_hooks(save, lambda value: value):
            output, _ = self._run()
        storages = {one.untyped_storage().data_ptr(): one.untyped_storage() for one in (*saved, output)}
        leaves = {one.untyped_storage().data_ptr() for one in (self.values, *self.parameters.values())}
        return sum(one.nbytes() for address, one in storages.items() if address not in leaves)

    def _run(self) -> tuple[Tensor, tuple[Tensor, ...]]:
        if self.dtype != BFLOAT16:
            return self.run(self.values)
        with torch.autocast("cpu", torch.bfloat16):
            return self.run(self.values)


def joined(states: list[Tensor]) -> Tensor | tuple[Tensor, ...]:
    """States as a module takes them: a tuple, unless there is one."""
    return tuple(states) if len(states) > 1 else states[0]


def states(last: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The final states [1, B, H] of a layer as [B, H] each."""
    return tuple(one[0] for one in (last if isinstance(last, tuple) else (last,)))

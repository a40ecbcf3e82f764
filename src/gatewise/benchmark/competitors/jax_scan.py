"""JAX's `lax.scan`, jitted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import torch

from gatewise.benchmark.candidate import FLOAT32, Competitor, Results, TimedCandidate
from gatewise.benchmark.equations import ArrayEquations, Library, matrices_refused
from gatewise.benchmark.workload import BenchmarkCase, BenchmarkProblem
from gatewise.compiler.layout import layout


class JaxScan(Competitor):
    """Any cell, compiled by XLA for each shape; the arrays are created in advance."""

    name = "JAX"
    needs = ("jax",)

    def refusal(self, case: BenchmarkCase) -> str | None:
        return matrices_refused(case)

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        return Jitted(problem, problem.parameters(), _Along)


class Jitted(TimedCandidate):
    """A function of parameters and values in JAX, `make(problem, jax)`, that returns output and states."""

    def __init__(
        self,
        problem: BenchmarkProblem,
        parameters: Mapping[str, torch.Tensor],
        make: Callable[[BenchmarkProblem, Any], Any],
    ) -> None:
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        self.jax = jax = import_module("jax")
        self.parameters = {name: jax.numpy.asarray(one.numpy()) for name, one in parameters.items()}
        self.values = jax.numpy.asarray(problem.values.numpy())
        self.incoming = jax.numpy.asarray(problem.incoming.numpy())
        along = make(problem, jax)

        def differentiated(parameters: Any, values: Any, incoming: Any) -> tuple[Any, Any, Any]:
            output, pull, final = jax.vjp(along, parameters, values, has_aux=True)
            return output, final, pull(incoming)

        self.run, self.train = jax.jit(along), jax.jit(differentiated)

    def forward(self) -> Any:
        return self.jax.block_until_ready(self.run(self.parameters, self.values))

    def both(self) -> Any:
        return self.jax.block_until_ready(self.train(self.parameters, self.values, self.incoming))

    def read(self, done: Any) -> Results:
        def as_tensor(one: Any) -> torch.Tensor:
            return torch.from_numpy(self.jax.device_get(one).copy())

        output, final, *gradients = done
        by_name: dict[str, torch.Tensor] = {}
        if gradients:
            by_parameter, by_input = gradients[0]
            by_name = {name: as_tensor(one) for name, one in {"input": by_input, **by_parameter}.items()}
        return Results(as_tensor(output), tuple(map(as_tensor, final)), by_name)


class _Along:
    def __init__(self, problem: BenchmarkProblem, jax: Any) -> None:
        self.jax, self.library = jax, as_library(jax)
        inside = problem.inside()
        self.inside = None if inside is None else jax.numpy.asarray(inside.numpy())
        self.cell, self.units = problem.case.cell, problem.case.shape.hidden

    def __call__(self, parameters: Any, values: Any) -> tuple[Any, Any]:
        numpy = self.jax.numpy
        equations = ArrayEquations(self.cell, layout(self.cell), self.library, parameters)

        def step(state: Any, inputs: Any) -> tuple[Any, Any]:
            driven, inside = inputs
            new = equations.step(driven, state)
            if inside is None:
                return new, new[0]
            selected = tuple(numpy.where(inside, one, old) for one, old in zip(new, state, strict=True))
            return selected, numpy.where(inside, new[0], 0.0)

        initial = tuple(numpy.zeros((values.shape[1], self.units)) for _ in self.cell.state)
        final, output = self.jax.lax.scan(step, initial, (equations.input_products(values), self.inside))
        return output, final


def as_library(jax: Any) -> Library:
    """JAX's functions by the names of the notation."""
    numpy, nn = jax.numpy, jax.nn
    return Library(
        functions={
            "add": numpy.add, "subtract": numpy.subtract, "multiply": numpy.multiply,
            "divide": numpy.divide, "maximum": numpy.maximum, "negate": numpy.negative,
            "sigmoid": nn.sigmoid, "tanh": numpy.tanh, "relu": nn.relu, "softplus": nn.softplus,
            "exp": numpy.exp, "log": numpy.log, "sqrt": numpy.sqrt, "sin": numpy.sin, "cos": numpy.cos,
            "fraction": lambda value: value - numpy.floor(value),
            "abs": numpy.abs, "minimum": numpy.minimum, "log_sigmoid": nn.log_sigmoid,
        },
        join=lambda values: numpy.concatenate(values, axis=-1),
        split=lambda values, count: numpy.split(values, count, axis=-1),
        transposed=lambda matrix: matrix.T,
    )  # fmt: skip

"""Other implementations of lattices: one position at a time, or one diagonal at a time."""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from typing import Any

import torch
from torch import Tensor

from gatewise.benchmark.candidate import FLOAT32, Competitor, TimedCandidate, TorchCandidate
from gatewise.benchmark.competitors.eager import Eager
from gatewise.benchmark.competitors.jax_scan import Jitted, as_library
from gatewise.benchmark.equations import ArrayEquations
from gatewise.benchmark.shapes import LatticeShape
from gatewise.benchmark.workload import BenchmarkCase, BenchmarkProblem
from gatewise.compiler.layout import layout
from gatewise.engine.request import Request
from gatewise.engine.step import CellStep
from gatewise.layers import Lattice
from gatewise.layers.scan_directions import ScanDirection, suffix


class Diagonals(Eager):
    """PyTorch's operations on all positions of a diagonal, as in the reference engine."""

    lattices: bool
    sequences: bool

    name = "PyTorch diagonals"
    quick = True
    lattices, sequences = True, False


class Positions(Competitor):
    """PyTorch's operations on one position at a time, for the whole batch."""

    lattices: bool
    sequences: bool

    name = "position loop"
    quick = False
    lattices, sequences = True, False

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        layer = deepcopy(problem.layer)
        assert isinstance(layer, Lattice)
        parameters = dict(layer.named_parameters())

        def run(values: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            return torch.stack(
                [_looped(layer, direction, values) for direction in layer.scan_directions]
            ).sum(0), ()

        return TorchCandidate(problem, run, parameters, dtype)


def _looped(layer: Lattice, direction: ScanDirection, values: Tensor) -> Tensor:
    """The output [B, *L, H] of one direction; values: [B, *L, I]."""
    cell, sizes, batch = layer.cell, values.shape[1:-1], len(values)
    reversed_axes = [axis for axis, back in enumerate(direction, 1) if back]
    parameters = {one.name: getattr(layer, one.name + suffix(direction)) for one in layout(cell).parameters}
    step = CellStep(Request(cell, values.movedim(0, -2), parameters, {}))
    products = step.input_products(values.flip(reversed_axes).flatten(1, -2).transpose(0, 1))
    zeros = values.new_zeros(batch, layer.hidden_size)
    done: dict[tuple[int, ...], dict[str, Tensor]] = {}
    for driven, position in zip(products, product(*map(range, sizes)), strict=True):
        before = {}
        for name, one in cell.previous.items():
            back = (*position[: one.axis - 1], position[one.axis - 1] - 1, *position[one.axis :])
            before[name] = done[back][one.state] if back in done else zeros
        done[position] = step(driven, before)
    output = torch.stack([lines[cell.state[0]] for lines in done.values()], dim=1)
    return output.unflatten(1, sizes).flip(reversed_axes)


class JaxDiagonals(Competitor):
    """JAX's `lax.scan` over the diagonals of a skewed lattice of two axes, jitted."""

    lattices: bool
    sequences: bool

    name = "JAX diagonals"
    needs = ("jax",)
    lattices, sequences = True, False

    def refusal(self, case: BenchmarkCase) -> str | None:
        return None if case.shape.axes == 2 else "its scan is written for two axes"

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        return Jitted(problem, problem.parameters(), _Along)


class _Along:
    def __init__(self, problem: BenchmarkProblem, jax: Any) -> None:
        assert isinstance(problem.layer, Lattice)
        assert isinstance(problem.case.shape, LatticeShape)
        self.jax, self.layer, self.sides = jax, problem.layer, problem.case.shape.sides

    def __call__(self, parameters: Any, values: Any) -> tuple[Any, tuple[Any, ...]]:
        return sum(self._along(direction, parameters, values) for direction in self.layer.scan_directions), ()

    def _along(self, direction: ScanDirection, parameters: Any, values: Any) -> Any:
        """The output [B, L1, L2, H]; a diagonal is in lanes, one for each index of axis 2."""
        numpy, cell, (first, second) = self.jax.numpy, self.layer.cell, self.sides
        reversed_axes = [axis for axis, back in enumerate(direction, 1) if back]
        kinds = layout(cell)
        own = {one.name: parameters[one.name + suffix(direction)] for one in kinds.parameters}
        equations = ArrayEquations(cell, kinds, as_library(self.jax), own)
        diagonal, lane = numpy.arange(first + second - 1)[:, None], numpy.arange(second)[None]
        position = diagonal - lane  # along axis 1
        inside = (position >= 0) & (position < first)
        driven = tuple(
            numpy.moveaxis(one, 0, 2)[numpy.clip(position, 0, first - 1), lane]
            for one in equations.input_products(numpy.flip(values, reversed_axes))
        )
        initial = tuple(numpy.zeros((second, len(values), self.layer.hidden_size)) for _ in cell.state)

        def step(state: Any, inputs: Any) -> tuple[Any, Any]:
            products, within = inputs
            own = dict(zip(cell.state, state, strict=True))
            neighbour = {
                name: numpy.concatenate([numpy.zeros_like(one[:1]), one[:-1]]) for name, one in own.items()
            }
            before = [(own if one.axis == 1 else neighbour)[one.state] for one in cell.previous.values()]
            new = tuple(
                numpy.where(within[:, None, None], one, 0.0) for one in equations.step(products, before)
            )
            return new, new[0]

        _, skewed = self.jax.lax.scan(step, initial, (driven, inside))
        rows, columns = numpy.arange(first)[:, None], numpy.arange(second)[None]
        output = numpy.moveaxis(skewed[rows + columns, columns], 2, 0)
        return numpy.flip(output, reversed_axes)

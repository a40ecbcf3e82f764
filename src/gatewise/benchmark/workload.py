"""The cases that are measured: each a cell on a batch of a shape, with the number of operations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gatewise.benchmark.shapes import LatticeShape, Shape
from gatewise.cells.base import CellType
from gatewise.compiler.layout import is_bias, layout
from gatewise.layers import Lattice, Recurrent
from gatewise.layers.scan_directions import Directions

PASSES = ("forward", "both")  # both: forward and backward
ALL_STEPS, LAST_STEP, ZEROS, ONE_STEP = "all-steps", "last-step", "zeros", "one-step"
# Workloads with their passes: a gradient from all steps or from the last one; an input that is zero after
# the first step, without biases, so that the states decay; and one step of one row.
WORKLOADS = {ALL_STEPS: PASSES, LAST_STEP: ("both",), ZEROS: ("forward",), ONE_STEP: ("forward",)}
BYTES = 4  # of a float32


@dataclass(frozen=True)
class BenchmarkCase:
    """A cell on a shape, with one of the `WORKLOADS`.

    >>> from gatewise.cells import LSTM
    >>> from gatewise.benchmark.shapes import Shape
    >>> BenchmarkCase(LSTM, Shape(batch=2, steps=3, inputs=4, hidden=5)).operations("forward")
    2160.0
    """

    cell: CellType
    shape: Shape
    workload: str = ALL_STEPS

    def __str__(self) -> str:
        name = f"{self.cell.__name__} {self.shape}"
        return name if self.workload == ALL_STEPS else f"{name} {self.workload}"

    @property
    def passes(self) -> tuple[str, ...]:
        """The passes that are measured."""
        return WORKLOADS[self.workload]

    def operations(self, which: str) -> float:
        """The multiplications and additions of all products; three times as many with the backward pass."""
        return 2.0 * self.shape.runs * self._rows() * self._weights() * (3 if which == "both" else 1)

    def intensity(self) -> float:
        """Operations per byte that a step reads or writes: the matrices, the input, the states.

        A step depends on the one before, so that each step reads the matrices again.
        """
        shape = self.shape
        each_row = shape.inputs + 2 * len(self.cell.state) * shape.hidden
        return self.operations("forward") / BYTES / (shape.steps * self._weights() + self._rows() * each_row)

    def _rows(self) -> int:
        """The total number of steps of all sequences."""
        lengths = self.shape.lengths()
        return self.shape.batch * self.shape.steps if lengths is None else int(lengths.sum())

    def _weights(self) -> int:
        """The number of weights in all matrices."""
        inputs, hidden = self.shape.inputs, self.shape.hidden
        shapes = (
            one.shape(inputs, hidden, hidden) for one in layout(self.cell).parameters if one.kind == "matrix"
        )
        return sum(rows * columns for rows, columns in shapes)


@dataclass(frozen=True, eq=False)
class BenchmarkProblem:
    """The input of every candidate: the weights of one layer, and one batch.

    values: [T, B, I]; lengths: [B] or None; incoming: [T, B, H], the gradient of the output
    state: [B, H] each, the initial states by name, which are passed by hand in single steps; None for zeros

    For lattices values are [B, L1, ..., LN, I], and incoming accordingly.
    A cell without an input ignores the values.
    """

    case: BenchmarkCase
    layer: Recurrent | Lattice
    values: Tensor
    lengths: Tensor | None
    incoming: Tensor
    state: dict[str, Tensor] | None = None

    @classmethod
    def of(cls, case: BenchmarkCase) -> BenchmarkProblem:
        """The problem of a case, always with the same numbers."""
        shape = case.shape
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            leading: tuple[int, ...] = (shape.steps, shape.batch)
            layer: Recurrent | Lattice
            if isinstance(shape, LatticeShape):
                leading = (shape.batch, *shape.sides)
                directions: Directions = "all" if shape.all_directions else "forward"
                layer = Lattice(case.cell, shape.inputs, shape.hidden, directions=directions, combine="sum")
            else:
                layer = Recurrent(case.cell, shape.inputs, shape.hidden)
            values = torch.randn(*leading, shape.inputs)
            incoming = torch.randn(*leading, shape.hidden)
            state = {name: torch.randn(shape.batch, shape.hidden) for name in case.cell.state}
        if case.workload == ZEROS:
            values = values * _positions(shape, leading, 0)
            for kind in layout(case.cell).parameters:
                for name, one in layer.named_parameters():
                    if is_bias(kind) and name.startswith(kind.name):
                        nn.init.zeros_(one)
        elif case.workload == LAST_STEP:
            incoming = incoming * _positions(shape, leading, -1)
        return cls(
            case, layer, values, shape.lengths(), incoming, state if case.workload == ONE_STEP else None
        )

    def inside(self) -> Tensor | None:
        """[T, B, 1]: whether a step belongs to its sequence; None if all do."""
        if self.lengths is None:
            return None
        return (torch.arange(len(self.values))[:, None] < self.lengths)[:, :, None]

    def parameters(self) -> dict[str, Tensor]:
        """The layer's parameters by the names of the cell's layout, detached."""
        return {name.removesuffix("_l0"): one.detach() for name, one in self.layer.named_parameters()}


def _positions(shape: Shape, leading: tuple[int, ...], index: int) -> Tensor:
    """[*leading, 1]: 1 at the first (0) or last (-1) step of each sequence or lattice, 0 elsewhere."""
    found, lengths = torch.zeros(*leading, 1), shape.lengths()
    if isinstance(shape, LatticeShape):
        corner: tuple[slice | int, ...] = (slice(None), *[index] * shape.axes)
        found[corner] = 1
    elif lengths is not None and index == -1:
        found[lengths - 1, torch.arange(shape.batch)] = 1
    else:
        found[index] = 1
    return found

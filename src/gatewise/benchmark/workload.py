"""The cases that are measured: each a cell on a batch of a shape, with the number of operations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.compiler.layout import layout
from gatewise.errors import GatewiseError
from gatewise.layers import Lattice, Recurrent
from gatewise.layers.scan_directions import Directions

PASSES = ("forward", "both")  # both: forward and backward
BYTES = 4  # of a float32


@dataclass(frozen=True)
class Shape:
    """B sequences of T steps with I features, for H units; ragged: of T/10 to T steps.

    >>> Shape.read("64x100x128x256-ragged")
    Shape(batch=64, steps=100, inputs=128, hidden=256, ragged=True)

    Raises: `GatewiseError` if the text is not a shape.
    """

    batch: int
    steps: int
    inputs: int
    hidden: int
    ragged: bool = False

    @staticmethod
    def read(text: str) -> Shape:
        """Parses a shape of the command line."""
        found = re.fullmatch(r"((?:[1-9]\d*x){3,}[1-9]\d*)(-ragged|-all)?", text.strip())
        numbers, kind = [] if found is None else list(map(int, found[1].split("x"))), found and found[2]
        if not numbers or (kind == ("-all" if len(numbers) == 4 else "-ragged")):
            raise GatewiseError(
                "expected a shape as batch x steps x inputs x hidden, such as 64x100x128x256 or "
                f"64x100x128x256-ragged, or a lattice's, 16x28x28x1x64 or 16x28x28x1x64-all, got {text!r}"
            )
        batch, *sides, inputs, hidden = numbers
        if len(sides) == 1:
            return Shape(batch, sides[0], inputs, hidden, kind == "-ragged")
        return LatticeShape(batch, prod(sides), inputs, hidden, False, tuple(sides), kind == "-all")

    @property
    def axes(self) -> int:
        """The number of axes of a cell for it."""
        return 1

    @property
    def runs(self) -> int:
        """The number of passes of a layer over the batch."""
        return 1

    def __str__(self) -> str:
        sizes = (self.batch, self.steps, self.inputs, self.hidden)
        return "x".join(map(str, sizes)) + "-ragged" * self.ragged

    def lengths(self) -> Tensor | None:
        """[B]: the length of each sequence, the same in every run; None if all have T steps."""
        if not self.ragged:
            return None
        shortest = max(self.steps // 10, 1)
        seeded = torch.Generator().manual_seed(0)
        return torch.randint(shortest, self.steps + 1, (self.batch,), generator=seeded)


@dataclass(frozen=True)
class LatticeShape(Shape):
    """B lattices with I features at each position, for H units; `steps` is the number of positions.

    all_directions: scanned in every direction with its own weights, and the outputs summed
    """

    sides: tuple[int, ...] = ()
    all_directions: bool = False

    def __str__(self) -> str:
        numbers = (self.batch, *self.sides, self.inputs, self.hidden)
        return "x".join(map(str, numbers)) + "-all" * self.all_directions

    @property
    def axes(self) -> int:
        return len(self.sides)

    @property
    def runs(self) -> int:
        return 2**self.axes if self.all_directions else 1


SHAPES = tuple(
    Shape.read(text)
    for text in (
        "1x100x64x128",
        "1x100x256x512",
        "16x100x64x128",
        "64x100x128x256",
        "64x100x256x512",
        "128x50x512x1024",
        "32x784x1x128",
        "256x28x28x128",
        "64x100x128x256-ragged",
    )
)
QUICK_SHAPES = tuple(Shape.read(text) for text in ("1x100x64x128", "64x100x128x256", "64x100x128x256-ragged"))
LATTICE_SHAPES = tuple(
    Shape.read(text)
    for text in ("16x28x28x1x64", "32x28x28x1x64", "16x28x28x1x64-all", "8x64x64x1x64", "32x32x32x1x128")
)
GRID_SHAPE = Shape.read("16x100x6x1x128")  # time and depth
ONE_STEP = Shape(1, 1, 16, 16)  # so little work that its time is the overhead


@dataclass(frozen=True)
class BenchmarkCase:
    """A cell on a shape.

    >>> from gatewise.cells import LSTM
    >>> BenchmarkCase(LSTM, Shape(batch=2, steps=3, inputs=4, hidden=5)).operations("forward")
    2160.0
    """

    cell: CellType
    shape: Shape

    def __str__(self) -> str:
        return f"{self.cell.__name__} {self.shape}"

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

    For lattices values are [B, L1, ..., LN, I], and incoming accordingly.
    A cell without an input ignores the values.
    """

    case: BenchmarkCase
    layer: Recurrent | Lattice
    values: Tensor
    lengths: Tensor | None
    incoming: Tensor

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
        return cls(case, layer, values, shape.lengths(), incoming)

    def inside(self) -> Tensor | None:
        """[T, B, 1]: whether a step belongs to its sequence; None if all do."""
        if self.lengths is None:
            return None
        return (torch.arange(len(self.values))[:, None] < self.lengths)[:, :, None]

    def parameters(self) -> dict[str, Tensor]:
        """The layer's parameters by the names of the cell's layout, detached."""
        return {name.removesuffix("_l0"): one.detach() for name, one in self.layer.named_parameters()}

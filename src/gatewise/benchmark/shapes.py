"""The shapes of batches that are measured."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from gatewise.errors import GatewiseError


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
LATTICE_SHAPES = tuple(
    Shape.read(text)
    for text in ("16x28x28x1x64", "32x28x28x1x64", "16x28x28x1x64-all", "8x64x64x1x64", "32x32x32x1x128")
)
GRID_SHAPE = Shape.read("16x100x6x1x128")  # time and depth
ONE_STEP_SHAPE = Shape(1, 1, 64, 64)  # so little work that its time is the overhead

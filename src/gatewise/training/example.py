"""One example of a user's data, as a model takes it and as a person looks at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from gatewise.errors import GatewiseError


@dataclass(frozen=True)
class Line:
    """Numbers over time; start: the step of the first one."""

    name: str
    values: np.ndarray
    start: int = 0


@dataclass(frozen=True)
class Strip:
    """Numbers over time as colours, [rows, steps].

    names: of the rows, () where they are those of an image that is read step by step
    signed: whether they are around zero; else they begin there
    """

    values: np.ndarray
    names: tuple[str, ...] = ()
    signed: bool = True


@dataclass(frozen=True)
class Track:
    """Something to draw above the steps of a model: lines of one unit, symbols, an image, or colours.

    symbols: a text for each step, on the colours of a strip of one row where there is one
    pixels: [H, W] or [H, W, 3], 0..255, an image that a lattice reads
    layer: the name of the module whose steps these are, such as "encoder"; all that is below it; "" for any
    """

    name: str
    lines: tuple[Line, ...] = ()
    symbols: tuple[str, ...] = ()
    pixels: np.ndarray | None = None
    layer: str = ""
    strip: Strip | None = None

    def above(self, module: str) -> bool:
        """Whether it belongs to the steps of that module."""
        return not self.layer or f"{module}.".startswith(f"{self.layer}.")


@dataclass(frozen=True)
class Looked:
    """Where a model looked: how much it took of each place of a source for each thing that it told.

    weights: [targets, sources], each row sums up to one; told, read: the names of both, () for numbers
    telling, reading: the modules whose steps they are, such as "decoder" and "encoder"; "" for none
    pixels: the image [H, W] or [H, W, 3], 0..255, whose places the sources are, row by row
    place: of such a place, its pixels down and across
    """

    weights: np.ndarray
    told: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    telling: str = ""
    reading: str = ""
    pixels: np.ndarray | None = None
    place: tuple[int, int] = (1, 1)

    def names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What was told and what was read, by number where there are no names."""
        targets, sources = (tuple(map(str, range(size))) for size in self.weights.shape)
        return self.told or targets, self.read or sources


@dataclass(frozen=True)
class Example:
    """One example, ready to be looked at inside a model.

    batch: what `network.loss` takes, the example alone; name: which one it is
    last: gives a loss that looks at the last step alone; None where that of the batch does
    tracks: what the model is given and what it says, on its own steps; said: what it says, in a sentence
    times: what the steps are called, () where numbers do; unit: one step in the data's own time, as "1 month"
    looked: where the model looked, if it did
    """

    batch: Any
    name: str
    tracks: tuple[Track, ...]
    said: str = ""
    times: tuple[str, ...] = ()
    unit: str = "step"
    last: Callable[[], Tensor] | None = None
    looked: Looked | None = None


def require_example(number: int, count: int, what: str) -> None:
    """Errors: `GatewiseError` where there is no example of that number."""
    if not 0 <= number < count:
        raise GatewiseError(f"there are {count} {what}, numbered from 0; there is no number {number}")


def channels(names: Sequence[str], values: np.ndarray, most: int = 8) -> tuple[Track, ...]:
    """A track for each column of values [T, C], of the first ones where there are many.

    >>> [one.name for one in channels(("a", "b", "c"), np.zeros((5, 3)), most=2)]
    ['a', 'b']
    """
    return tuple(
        Track(name, (Line(name, column),)) for name, column in zip(names, values.T[:most], strict=False)
    )

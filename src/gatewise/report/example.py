"""One example of a user's data, as a model takes it and as a person looks at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
class AttentionMap:
    """The attention weights of a model: of each target over all sources.

    weights: [targets, sources], each row sums to one
    targets, sources: the names of both, () for numbers
    target_module, source_module: the modules whose steps these are, such as "decoder", "encoder"; "" for none
    pixels: the image [H, W] or [H, W, 3], 0..255, whose positions are the sources, row by row
    place: the pixels of a position, down and across
    """

    weights: np.ndarray
    targets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    target_module: str = ""
    source_module: str = ""
    pixels: np.ndarray | None = None
    place: tuple[int, int] = (1, 1)

    def names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of targets and sources, or their numbers where they have no names."""
        targets, sources = (tuple(map(str, range(size))) for size in self.weights.shape)
        return self.targets or targets, self.sources or sources


@dataclass(frozen=True)
class Explained:
    """Which inputs a prediction came from.

    what: the number that is explained, in words; output, start: it, and what it would be at the baseline
    baseline: where that is, in words, as in "where every channel is at its mean"
    gap: by how much all parts miss the difference; steps: [steps], what each one gave
    tracks: the parts over time; one that is called as one of the example's takes its place
    """

    what: str
    output: float
    start: float
    baseline: str
    gap: float
    steps: np.ndarray
    tracks: tuple[Track, ...]

    def sentence(self) -> str:
        """What is explained, with its numbers."""
        return (
            f"{self.what}: {self.output:.4g}, and {self.start:.4g} {self.baseline}; "
            f"its parts add up to the difference but for {abs(self.gap):.2g}"
        )

    def most(self, times: Sequence[str] = (), count: int = 5) -> str:
        """The steps that gave most, the largest first; times: what steps are called, if not by symbols."""
        names = self.tracks[0].symbols or times
        given = np.nan_to_num(self.steps)
        order = [int(step) for step in np.argsort(-np.abs(given), kind="stable")[:count] if given[step]]
        told = [(f" ({names[step]})" if step < len(names) else "") for step in order]
        return ", ".join(
            f"step {step}{name} {given[step]:+.3g}" for step, name in zip(order, told, strict=True)
        )


@dataclass(frozen=True)
class Example:
    """One example, ready to be looked at inside a model.

    batch: what `network.loss` takes, the example alone; name: which one it is
    last: gives a loss that looks at the last step alone; None where that of the batch does
    tracks: what the model is given and what it says, on its own steps; said: what it says, in a sentence
    times: what the steps are called, () where numbers do; unit: one step in the data's own time, as "1 month"
    looked: where the model looked, if it did
    explain: says which inputs the prediction at a step, the last if None, came from; None where nothing does
    explained: what it said
    """

    batch: Any
    name: str
    tracks: tuple[Track, ...]
    said: str = ""
    times: tuple[str, ...] = ()
    unit: str = "step"
    last: Callable[[], Tensor] | None = None
    looked: AttentionMap | None = None
    explain: Callable[[int | None], Explained] | None = None
    explained: Explained | None = None

    def opening(self, modules: Sequence[str]) -> int:
        """The place of the first of these modules whose steps a track is on; 0 where there is none.

        >>> words = Example(None, "", (Track("token", symbols=("a", "b"), layer="recurrent"),))
        >>> words.opening(["reader.speller", "recurrent", "recurrent"])
        1
        """
        above = (any(track.above(module) for track in self.tracks) for module in modules)
        return next((place for place, found in enumerate(above) if found), 0)

    def with_attribution(self, step: int | None) -> Example:
        """The same with what the prediction came from, among its tracks too.

        Raises: `GatewiseError` if the task has no attribution.
        """
        if self.explain is None:
            raise GatewiseError("attribution is not available for this task; leave it out")
        explained = self.explain(step)
        new = {track.name: track for track in explained.tracks}
        tracks = [new.pop(track.name, track) for track in self.tracks]
        return replace(self, tracks=(*tracks, *new.values()), explained=explained)


def require_example(number: int, count: int, what: str) -> None:
    """Raises: `GatewiseError` where there is no example of that number."""
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

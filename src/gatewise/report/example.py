"""One example of a user's data: as a model reads it, and as a report draws it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from gatewise.errors import GatewiseError


@dataclass(frozen=True)
class Line:
    """Numbers over time. start: the step of the first one."""

    name: str
    values: np.ndarray
    start: int = 0


@dataclass(frozen=True)
class Strip:
    """Numbers over time as colours, [rows, steps].

    names: of the rows; () for an image that is read step by step
    signed: whether values may be negative
    """

    values: np.ndarray
    names: tuple[str, ...] = ()
    signed: bool = True


@dataclass(frozen=True)
class Track:
    """A drawing above the steps of a model: lines of one unit of measurement, symbols, an image, or colours.

    symbols: a text for each step, drawn over a strip of one row if there is one
    pixels: [H, W] or [H, W, 3], 0..255, an image that a lattice reads
    layer: the module whose steps these are, such as "encoder", submodules included; "" for any
    """

    name: str
    lines: tuple[Line, ...] = ()
    symbols: tuple[str, ...] = ()
    pixels: np.ndarray | None = None
    layer: str = ""
    strip: Strip | None = None

    def belongs_to(self, module: str) -> bool:
        """Whether its steps are those of a module."""
        return not self.layer or f"{module}.".startswith(f"{self.layer}.")


@dataclass(frozen=True)
class AttentionMap:
    """The attention weights of a model: of each target over all sources.

    weights: [targets, sources], each row sums to one
    targets, sources: the names of both, () for numbers
    target_module, source_module: the modules whose steps these are, such as "decoder", "encoder"; "" for none
    pixels: the image [H, W] or [H, W, 3], 0..255, whose positions are the sources, row by row
    patch: the pixels of a position, down and across
    """

    weights: np.ndarray
    targets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    target_module: str = ""
    source_module: str = ""
    pixels: np.ndarray | None = None
    patch: tuple[int, int] = (1, 1)

    def names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of targets and sources, or their numbers if they have no names."""
        targets, sources = (tuple(map(str, range(size))) for size in self.weights.shape)
        return self.targets or targets, self.sources or sources


@dataclass(frozen=True)
class ExampleAttribution:
    """The contributions of the inputs of an example to an output.

    output_name: a description of the output; output, baseline_output: its value, and that at the baseline
    baseline: a description of the baseline, as in "where every channel is at its mean"
    gap: the sum of all contributions minus the difference of the outputs
    steps: [steps], the contribution of each step
    tracks: the contributions over time; a track replaces one of the example with the same name
    """

    output_name: str
    output: float
    baseline_output: float
    baseline: str
    gap: float
    steps: np.ndarray
    tracks: tuple[Track, ...]

    def sentence(self) -> str:
        """The output, its value at the baseline, and the gap, as a sentence."""
        return (
            f"{self.output_name}: {self.output:.4g}, and {self.baseline_output:.4g} {self.baseline}; "
            f"the contributions sum to the difference within {abs(self.gap):.2g}"
        )

    def largest(self, times: Sequence[str] = (), count: int = 5) -> str:
        """The steps with the largest contributions; times: the names of steps, if these have no symbols."""
        names = self.tracks[0].symbols or times
        values = np.nan_to_num(self.steps)
        order = [int(step) for step in np.argsort(-np.abs(values), kind="stable")[:count] if values[step]]
        suffixes = [(f" ({names[step]})" if step < len(names) else "") for step in order]
        return ", ".join(
            f"step {step}{suffix} {values[step]:+.3g}" for step, suffix in zip(order, suffixes, strict=True)
        )


@dataclass(frozen=True)
class Example:
    """One example for an inspection of a model.

    batch: the argument of `network.loss`, of this example alone; name: of the example
    tracks: the inputs and predictions of the model on its steps; prediction: a description of the prediction
    times: the names of the steps, () for numbers; unit: the duration of a step, such as "1 month"
    last: returns a loss of the last step alone; None if the loss of the batch is one
    attention: the attention map of the model, if it has one
    attribute: returns the attribution of the output at a step, the last if None; None if there is none
    attribution: the attribution that the report shows
    """

    batch: Any
    name: str
    tracks: tuple[Track, ...]
    prediction: str = ""
    times: tuple[str, ...] = ()
    unit: str = "step"
    last: Callable[[], Tensor] | None = None
    attention: AttentionMap | None = None
    attribute: Callable[[int | None], ExampleAttribution] | None = None
    attribution: ExampleAttribution | None = None

    def first_layer(self, modules: Sequence[str]) -> int:
        """The index of the first of these modules whose steps have a track; 0 if there is none.

        >>> words = Example(None, "", (Track("token", symbols=("a", "b"), layer="recurrent"),))
        >>> words.first_layer(["reader.speller", "recurrent", "recurrent"])
        1
        """
        has_track = (any(track.belongs_to(module) for track in self.tracks) for module in modules)
        return next((index for index, found in enumerate(has_track) if found), 0)

    def with_attribution(self, step: int | None) -> Example:
        """The same example with an attribution, also among its tracks.

        Raises: `GatewiseError` if the task has no attribution.
        """
        if self.attribute is None:
            raise GatewiseError("attribution is not available for this task; leave it out")
        attribution = self.attribute(step)
        new = {track.name: track for track in attribution.tracks}
        tracks = [new.pop(track.name, track) for track in self.tracks]
        return replace(self, tracks=(*tracks, *new.values()), attribution=attribution)


def require_example(number: int, count: int, what: str) -> None:
    """Raises: `GatewiseError` if there is no example of that number."""
    if not 0 <= number < count:
        raise GatewiseError(f"there are {count} {what}, numbered from 0; there is no number {number}")


def channels(names: Sequence[str], values: np.ndarray, most: int = 8) -> tuple[Track, ...]:
    """A track for each column of values [T, C], at most for the first `most`.

    >>> [one.name for one in channels(("a", "b", "c"), np.zeros((5, 3)), most=2)]
    ['a', 'b']
    """
    return tuple(
        Track(name, (Line(name, column),)) for name, column in zip(names, values.T[:most], strict=False)
    )

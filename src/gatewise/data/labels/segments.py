"""Segments of sequences: whole sequences or parts of long ones, and their split into sets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from gatewise.data.splits import TITLES, Fractions, random_split, time_ranges
from gatewise.errors import GatewiseError

Batch = TypeVar("Batch")
FEW, LONG = 10, 100  # fewer sequences than the first, each longer than the second, are split in time
TOO_LONG, DEFAULT_LENGTH = 1000, 500  # if a sequence is longer than the first, all are cut to the second


@dataclass(frozen=True)
class Segments:
    """The first step of each segment among all steps, and its length."""

    starts: np.ndarray
    sizes: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def chosen(self, numbers: list[int]) -> Segments:
        """Some of the segments."""
        return Segments(self.starts[numbers], self.sizes[numbers])

    def slices(self) -> list[slice]:
        """The place of each segment among all steps."""
        return [
            slice(int(start), int(start + size)) for start, size in zip(self.starts, self.sizes, strict=True)
        ]


class SegmentDataset(ABC, Generic[Batch]):
    """Segments of a table or a text as batches.

    segments: of one set; labels: [N], of all steps, by number
    """

    segments: Segments
    labels: np.ndarray

    @abstractmethod
    def __getitems__(self, numbers: list[int]) -> Batch:
        """A padded batch of segments."""

    def __getitem__(self, number: int) -> Batch:
        return self.__getitems__([number])

    def __len__(self) -> int:
        return len(self.segments)

    @property
    def sizes(self) -> np.ndarray:
        """The length of each segment."""
        return self.segments.sizes

    def with_segments(self, segments: Segments) -> Self:
        """Other segments of the same steps, which share their memory."""
        other = copy(self)
        other.segments = segments
        return other

    def slice_of(self, number: int) -> slice:
        """The place of a segment among all steps."""
        start = int(self.segments.starts[number])
        return slice(start, start + int(self.segments.sizes[number]))


class SequenceSource(Protocol):
    """A source of sequences, such as a file."""

    @property
    def offsets(self) -> np.ndarray:
        """[N + 1], the first step of each sequence, and the number of all steps."""


Source = TypeVar("Source", bound=SequenceSource)
Dataset = TypeVar("Dataset", bound=SegmentDataset[Any])


def whole_sequences(offsets: np.ndarray) -> Segments:
    """The sequences themselves. offsets: [N + 1], the first step of each, and the number of all steps"""
    return Segments(offsets[:-1], np.diff(offsets))


def no_segments() -> Segments:
    """An empty set."""
    return Segments(np.empty(0, np.int64), np.empty(0, np.int64))


def cut_segments(segments: Segments, max_length: int) -> Segments:
    """Cuts segments into parts of similar length, at most `max_length`; 0 leaves them whole.

    >>> segments = cut_segments(Segments(np.array([0, 10]), np.array([7, 2])), 3)
    >>> segments.starts.tolist(), segments.sizes.tolist()
    ([0, 2, 4, 10], [2, 2, 3, 2])
    """
    if not max_length:
        return segments
    starts, sizes = [], []
    for start, size in zip(segments.starts.tolist(), segments.sizes.tolist(), strict=True):
        count = -(-size // max_length)
        borders = [size * number // count for number in range(count + 1)]
        starts += [start + border for border in borders[:-1]]
        sizes += np.diff(borders).tolist()
    return Segments(np.array(starts, np.int64), np.array(sizes, np.int64))


def default_max_length(offsets: np.ndarray) -> int:
    """The default length of segments: 0 for whole sequences, unless one is very long."""
    return DEFAULT_LENGTH if int(np.diff(offsets).max(initial=0)) > TOO_LONG else 0


def is_split_in_time(offsets: np.ndarray) -> bool:
    """Whether there are so few and so long sequences that each is split in time."""
    sizes = np.diff(offsets)
    return len(sizes) < FEW and int(sizes.min()) > LONG


def split_segments(path: str, offsets: np.ndarray, fractions: Fractions) -> dict[str, Segments]:
    """The segments of each set: whole sequences at random; a few long ones are each split in time.

    Raises: `GatewiseError` if there are too few sequences for all sets.
    """
    sequences = whole_sequences(offsets)
    if is_split_in_time(offsets):
        ranges = time_ranges(sequences.sizes, fractions)
        parts = [Segments(sequences.starts + first, end - first) for first, end in ranges]
    else:
        try:
            split = random_split(len(sequences), fractions, path, "sequences")
        except GatewiseError as error:
            raise GatewiseError(f"{error}; put an empty line between sentences, or give more") from error
        parts = [sequences.chosen(numbers) for numbers in split]
    return dict(zip(TITLES, parts, strict=True))


def assign_segments(
    path: Path, sources: Mapping[str, SequenceSource], fractions: Fractions, max_length: int
) -> dict[str, tuple[str, Segments]]:
    """For each set the source of its segments, and the segments in it.

    Args:
        sources: by the set that each is given for; sets without a source are drawn from the training source
        fractions: of the sets that are drawn; max_length: of a segment, 0 for whole sequences
    """
    missing = Fractions(
        0.0 if "validation" in sources else fractions.validation, 0.0 if "test" in sources else fractions.test
    )
    drawn = split_segments(str(path), sources["train"].offsets, missing)
    found = {
        name: (name, whole_sequences(sources[name].offsets))
        if name in sources and name != "train"
        else ("train", own)
        for name, own in drawn.items()
    }
    return {name: (source, cut_segments(own, max_length)) for name, (source, own) in found.items()}


def select_sets(
    steps: Callable[[Source, Segments], Dataset],
    sources: Mapping[str, Source],
    assigned: Mapping[str, tuple[str, Segments]],
) -> dict[str, Dataset]:
    """The segments of each set as a dataset.

    Args:
        steps: makes a dataset of segments of a source
        assigned: the name of the source, and the segments, of each set
    """
    whole = {name: steps(source, whole_sequences(source.offsets)) for name, source in sources.items()}
    return {name: whole[source].with_segments(own) for name, (source, own) in assigned.items()}


def describe_sets(sets: Mapping[str, Segments], kind: str, drawn: bool) -> str:
    """The sizes of all sets in a sentence. kind: the name of segments in the plural"""
    sizes = [
        f"{title} set {len(sets[name]):,} {kind} ({int(sets[name].sizes.sum()):,} steps)"
        for name, title in TITLES.items()
    ]
    return ", ".join(sizes) + (", drawn at random" if drawn else "")

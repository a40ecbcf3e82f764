"""Stretches of steps that go together: whole sequences, pieces of long ones, and which are for what."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np

from gatewise.errors import GatewiseError

Batch = TypeVar("Batch")
FEW, LONG = 10, 100  # fewer sequences than the first, each longer than the second, are divided in time
TOO_LONG, PIECE = 1000, 500  # where a sequence is longer than the first, all are cut to the second


@dataclass(frozen=True)
class Pieces:
    """Where each stretch starts among all steps, and how many steps it has."""

    starts: np.ndarray
    sizes: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)


class InPieces(ABC, Generic[Batch]):
    """Steps of which stretches are asked for by number; `pieces`: those that belong to this part."""

    pieces: Pieces

    @abstractmethod
    def __getitems__(self, numbers: list[int]) -> Batch:
        """A whole batch at once, padded."""

    def __getitem__(self, number: int) -> Batch:
        return self.__getitems__([number])

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def sizes(self) -> np.ndarray:
        """The length of each piece."""
        return self.pieces.sizes

    def places(self, number: int) -> slice:
        """Where the steps of a piece are among all."""
        start = int(self.pieces.starts[number])
        return slice(start, start + int(self.pieces.sizes[number]))


def whole(offsets: np.ndarray) -> Pieces:
    """The sequences themselves; offsets: [N + 1], where each begins and ends."""
    return Pieces(offsets[:-1], np.diff(offsets))


def nothing() -> Pieces:
    """No piece at all."""
    return Pieces(np.empty(0, np.int64), np.empty(0, np.int64))


def cut(pieces: Pieces, most: int) -> Pieces:
    """Stretches of at most so many steps, as even as can be; 0 leaves them whole.

    >>> pieces = cut(Pieces(np.array([0, 10]), np.array([7, 2])), 3)
    >>> pieces.starts.tolist(), pieces.sizes.tolist()
    ([0, 2, 4, 10], [2, 2, 3, 2])
    """
    if not most:
        return pieces
    starts, sizes = [], []
    for start, size in zip(pieces.starts.tolist(), pieces.sizes.tolist(), strict=True):
        count = -(-size // most)
        borders = [size * number // count for number in range(count + 1)]
        starts += [start + border for border in borders[:-1]]
        sizes += np.diff(borders).tolist()
    return Pieces(np.array(starts, np.int64), np.array(sizes, np.int64))


def usual_cut(offsets: np.ndarray) -> int:
    """At how many steps sequences are cut where nobody said: not at all, unless one is very long."""
    return PIECE if int(np.diff(offsets).max(initial=0)) > TOO_LONG else 0


def divided(path: str, offsets: np.ndarray, shares: Sequence[float], seed: int = 0) -> list[Pieces]:
    """What is to train on, and the parts of these shares: whole sequences drawn by the seed.

    Few long sequences are each divided in time instead: the first steps are to train on.

    Raises: `GatewiseError` if there is too little for all parts.
    """
    sequences = whole(offsets)
    if in_time(offsets):
        return _divided_in_time(sequences, shares)
    count = len(sequences)
    counts = [max(1, round(share * count)) for share in shares]
    if count - sum(counts) < 1:
        raise GatewiseError(
            f"{path} has {count} sequence{'s' * (count > 1)}, too few for {1 + len(shares)} parts; "
            "give more, or put an empty line between sentences"
        )
    order = np.random.default_rng(seed).permutation(count)
    borders = np.cumsum([count - sum(counts), *counts])[:-1]
    chosen = [np.sort(one) for one in np.split(order, borders)]
    return [Pieces(sequences.starts[one], sequences.sizes[one]) for one in chosen]


def in_time(offsets: np.ndarray) -> bool:
    """Whether these sequences are divided in time."""
    sizes = np.diff(offsets)
    return len(sizes) < FEW and int(sizes.min()) > LONG


def _divided_in_time(sequences: Pieces, shares: Sequence[float]) -> list[Pieces]:
    ends = np.cumsum([1 - sum(shares), *shares])
    borders = [np.zeros_like(sequences.sizes), *(np.rint(sequences.sizes * end).astype(int) for end in ends)]
    return [Pieces(sequences.starts + first, last - first) for first, last in pairwise(borders)]


def assigned(
    path: str, offsets: Mapping[str, np.ndarray], shares: Mapping[str, float], most: int
) -> dict[str, tuple[str, Pieces]]:
    """For each part the source that it is from, and its pieces there, none longer than `most` (0: whole).

    offsets: of each source by what it is for; what is missing is taken from the one to train on
    shares: of "validation" and "test", where they are taken from it
    """
    missing = [part for part in shares if part not in offsets]
    own = divided(path, offsets["train"], [shares[part] for part in missing])
    found = {part: ("train", pieces) for part, pieces in zip(["train", *missing], own, strict=True)}
    found |= {part: (part, whole(own)) for part, own in offsets.items() if part != "train"}
    return {part: (source, cut(pieces, most)) for part, (source, pieces) in found.items()}


def describe_parts(parts: Mapping[str, Pieces], kind: str, drawn: bool) -> str:
    """How much is in each part, as a sentence; kind: what a piece is called, in the plural."""
    purposes = {"train": "train on", "validation": "choose by", "test": "test on"}
    sizes = [
        f"{len(parts[part]):,} {kind} ({int(parts[part].sizes.sum()):,} steps) to {purpose}"
        for part, purpose in purposes.items()
    ]
    return ", ".join(sizes) + (", drawn at random" if drawn else "")

"""Pairs of texts as numbers, split and ready for a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from gatewise.data.pairs import TextPairs, Texts
from gatewise.data.symbols import END, PADDING, UNKNOWN, Kind, Symbols, learn_symbols
from gatewise.errors import GatewiseError

FEWEST, MOST_HELD = 5, 5000  # different sources of a file; to validate and to test on, each


class PairBatch(NamedTuple):
    """Sentences of two languages by their numbers, each ended by END and filled up with PADDING.

    source: [B, S]; lengths: [B], of the sources, END counted in; target: [B, T]
    """

    source: Tensor
    lengths: Tensor
    target: Tensor


class Ragged:
    """Many sequences of numbers behind each other.

    >>> Ragged.of([[5, 6], [7]]).padded([1, 0])
    tensor([[7, 3, 0],
            [5, 6, 3]])
    """

    def __init__(self, numbers: np.ndarray, lengths: np.ndarray) -> None:
        self.numbers, self.lengths = numbers, lengths
        self._firsts = np.cumsum(lengths) - lengths

    @classmethod
    def of(cls, sequences: Sequence[list[int]]) -> Ragged:
        """END is put behind each."""
        lengths = np.fromiter((len(one) + 1 for one in sequences), np.int64, len(sequences))
        flat = (number for one in sequences for number in (*one, END))
        return cls(np.fromiter(flat, np.int32, int(lengths.sum())), lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> np.ndarray:
        return self.numbers[self._firsts[row] : self._firsts[row] + self.lengths[row]]

    def tensor_lengths(self, rows: Sequence[int] | np.ndarray) -> Tensor:
        """[len(rows)]."""
        return torch.from_numpy(self.lengths[rows])

    def padded(self, rows: Sequence[int] | np.ndarray) -> Tensor:
        """[len(rows), the longest of them]."""
        lengths = self.lengths[rows]
        steps = np.arange(lengths.max())
        there = steps < lengths[:, None]
        places = np.where(there, self._firsts[rows][:, None] + steps, 0)
        return torch.from_numpy(np.where(there, self.numbers[places], PADDING).astype(np.int64))


@dataclass(frozen=True, eq=False)
class Parallel(Dataset[PairBatch]):
    """Some pairs of a file, as numbers; their texts are read where they are asked for.

    rows: [pairs], their numbers in the file; sources, targets: as numbers
    """

    texts: TextPairs
    rows: np.ndarray
    sources: Ragged
    targets: Ragged

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> PairBatch:
        return PairBatch(*(part[0] for part in self.__getitems__([number])))

    def __getitems__(self, numbers: Sequence[int]) -> PairBatch:
        """A whole batch at once, which is what a DataLoader asks for."""
        rows = np.asarray(numbers)
        return PairBatch(
            self.sources.padded(rows), self.sources.tensor_lengths(rows), self.targets.padded(rows)
        )

    @property
    def sizes(self) -> np.ndarray:
        """[pairs], by which like ones share a batch."""
        return self.sources.lengths + self.targets.lengths

    def text(self, number: int) -> tuple[str, str]:
        """Source and target as they stand in the file."""
        row = int(self.rows[number])
        return self.texts.sources[row], self.texts.targets[row]


@dataclass(frozen=True)
class Reading:
    """How texts become symbols.

    most: symbols of each side; least: how often a word must occur; longest: symbols of a sentence that is
    trained on
    """

    kind: Kind = "words"
    most: int = 10_000
    least: int = 2
    longest: int = 200
    lower: bool = False


@dataclass(frozen=True)
class ParallelData:
    """Pairs to train on, to validate, to test on, and the symbols of both sides."""

    train: Parallel
    validation: Parallel
    test: Parallel
    source: Symbols
    target: Symbols
    notes: tuple[str, ...] = ()


def prepare(
    pairs: TextPairs, reading: Reading, shares: tuple[float, float], seed: int = 0,
    validation: TextPairs | None = None, test: TextPairs | None = None,
) -> ParallelData:  # fmt: skip
    """Splits pairs, learns the symbols of the part to train on, and makes numbers of all.

    shares: of the pairs, taken at random to validate and to test, where these have no file of their own

    Errors: `GatewiseError` where too few pairs have text on both sides.
    """
    notes: list[str] = []
    rows = _with_text(pairs, notes)
    parts = _split(pairs, rows, shares, seed, validation, test)
    least = reading.least if reading.kind == "words" else 1
    sides = []
    for texts in (pairs.sources, pairs.targets):
        learned = (texts[int(row)] for row in parts[0])
        sides.append(learn_symbols(reading.kind, learned, reading.most, least, reading.lower))
    train = numbered(pairs, parts[0], *sides)
    fits = np.maximum(train.sources.lengths, train.targets.lengths) <= reading.longest
    if not fits.all():
        if not fits.any():
            raise GatewiseError(
                f"{pairs.path}: every pair has more than {reading.longest} symbols; give --longest"
            )
        notes.append(f"{(~fits).sum()} pairs of more than {reading.longest} symbols are not trained on")
        train = numbered(pairs, parts[0][fits], *sides)
    validating = numbered(validation or pairs, _rows(validation, parts[1], notes), *sides)
    testing = numbered(test or pairs, _rows(test, parts[2], notes), *sides)
    notes.append(_told(train, validating, testing, *sides))
    if test is not None and (seen := seen_before(train, testing)):
        notes.append(f"{seen} of the {len(testing)} sources to test on were trained on too")
    return ParallelData(train, validating, testing, sides[0], sides[1], tuple(notes))


def numbered(pairs: TextPairs, rows: np.ndarray, source: Symbols, target: Symbols) -> Parallel:
    """Some pairs as numbers."""
    return Parallel(pairs, rows, _ragged(pairs.sources, rows, source), _ragged(pairs.targets, rows, target))


def _ragged(texts: Texts, rows: np.ndarray, symbols: Symbols) -> Ragged:
    return Ragged.of([symbols.encode(texts[int(row)]) for row in rows])


def _with_text(pairs: TextPairs, notes: list[str]) -> np.ndarray:
    """The pairs that have text on both sides."""
    sides = (pairs.sources, pairs.targets)
    there = np.array([all(side[row].strip() for side in sides) for row in range(len(pairs))], dtype=bool)
    if not there.any():
        raise GatewiseError(f"{pairs.path}: no pair has text on both sides")
    if not there.all():
        first = pairs.place(int(there.argmin()))
        notes.append(
            f"{pairs.path}: {(~there).sum()} pairs with an empty side are left out, the first in {first}"
        )
    return np.flatnonzero(there)


def _rows(pairs: TextPairs | None, rows: np.ndarray, notes: list[str]) -> np.ndarray:
    """The rows of a file of its own, or those that the split gave."""
    return rows if pairs is None else _with_text(pairs, notes)


def _split(
    pairs: TextPairs, rows: np.ndarray, shares: tuple[float, float], seed: int,
    validation: TextPairs | None, test: TextPairs | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Rows to train on, to validate, to test; pairs with one source are never parted.

    A part that has a file of its own takes none.
    """
    wanted = [
        0.0 if own is not None else share for own, share in zip((validation, test), shares, strict=True)
    ]
    group = _groups([hash(pairs.sources[int(row)]) for row in rows])
    groups = int(group.max()) + 1
    if groups < (FEWEST if any(wanted) else 1):
        raise GatewiseError(
            f"{pairs.path} has {groups} different sources; expected at least {FEWEST}, to train on, "
            "to validate and to test"
        )
    mixed = np.random.default_rng(seed).permutation(groups)
    held = [min(max(round(share * groups), 1), MOST_HELD) if share else 0 for share in wanted]
    part = np.zeros(groups, np.int64)
    part[mixed[: held[0]]] = 1
    part[mixed[held[0] : sum(held)]] = 2
    first, second, third = (rows[part[group] == number] for number in range(3))
    return first, second, third


def _groups(keys: Sequence[int]) -> np.ndarray:
    """[keys], equal ones by one number, which follows where each was first met."""
    _, firsts, inverse = np.unique(np.array(keys), return_index=True, return_inverse=True)
    return firsts.argsort().argsort()[inverse]


def _told(train: Parallel, validation: Parallel, test: Parallel, source: Symbols, target: Symbols) -> str:
    """The parts and symbols in one sentence, with what is unknown in the part to test on."""
    unknown = [(side.numbers == UNKNOWN).mean() for side in (test.sources, test.targets)]
    missed = f"; unknown in the test part: {unknown[0]:.1%} and {unknown[1]:.1%}" if any(unknown) else ""
    return (
        f"{len(train):,} pairs to train on, {len(validation):,} to validate, {len(test):,} to test; "
        f"{len(source):,} symbols of the sources, {len(target):,} of the targets{missed}"
    )


def seen_before(train: Parallel, test: Parallel) -> int:
    """How many sources of a part to test on were trained on."""
    seen = {hash(train.text(number)[0]) for number in range(len(train))}
    return sum(hash(test.text(number)[0]) in seen for number in range(len(test)))

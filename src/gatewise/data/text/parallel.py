"""Pairs of texts as numbers, split and ready for a network."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from gatewise.data.text.pairs import TextPairs, Texts
from gatewise.data.text.symbols import END, PADDING, UNKNOWN, Kind, Symbols, learn_symbols
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
    def of(cls, sequences: Iterable[list[int]]) -> Ragged:
        """END is put behind each."""
        numbers, lengths = array("i"), array("q")
        for one in sequences:
            numbers.extend((*one, END))
            lengths.append(len(one) + 1)
        return cls(np.array(numbers, np.int32), np.array(lengths, np.int64))

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
class VocabularyConfig:
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
    pairs: TextPairs, wanted: VocabularyConfig, shares: tuple[float, float],
    validation: TextPairs | None = None, test: TextPairs | None = None,
) -> ParallelData:  # fmt: skip
    """Splits pairs, learns the symbols of the part to train on, and makes numbers of all.

    shares: of the pairs, to validate and to test, where these have no file of their own

    Raises: `GatewiseError` if too few pairs have text on both sides.
    """
    notes = [*pairs.notes]
    rows, *held = split(pairs, with_text(pairs, notes), shares_of(shares, validation, test))
    sides = [_learned(texts, rows, wanted) for texts in (pairs.sources, pairs.targets)]
    train = numbered(pairs, rows, *sides)
    fits = np.maximum(train.sources.lengths, train.targets.lengths) <= wanted.longest
    if not fits.any():
        raise GatewiseError(
            f"{pairs.path}: every pair has more than {wanted.longest} symbols; give --max-length"
        )
    if not fits.all():
        notes.append(f"{(~fits).sum()} pairs of more than {wanted.longest} symbols are not trained on")
        train = numbered(pairs, rows[fits], *sides)
    validating, testing = (
        numbered(pairs, own, *sides) if other is None else numbered(other, with_text(other, notes), *sides)
        for own, other in zip(held, (validation, test), strict=True)
    )
    notes.append(_told(train, validating, testing, *sides))
    if test is not None and (seen := seen_before(train, testing)):
        notes.append(f"{seen} of the {len(testing)} sources to test on were trained on too")
    return ParallelData(train, validating, testing, sides[0], sides[1], tuple(notes))


def shares_of(
    shares: tuple[float, float], validation: TextPairs | None, test: TextPairs | None
) -> tuple[float, float]:
    """The shares to take from the pairs themselves: none for a part that has others."""
    return (0.0 if validation else shares[0], 0.0 if test else shares[1])


def numbered(pairs: TextPairs, rows: np.ndarray, source: Symbols, target: Symbols) -> Parallel:
    """Some pairs as numbers."""
    return Parallel(pairs, rows, _ragged(pairs.sources, rows, source), _ragged(pairs.targets, rows, target))


def _ragged(texts: Texts, rows: np.ndarray, symbols: Symbols) -> Ragged:
    return Ragged.of(symbols.encode(texts[int(row)]) for row in rows)


def _learned(texts: Texts, rows: np.ndarray, wanted: VocabularyConfig) -> Symbols:
    least = wanted.least if wanted.kind == "words" else 1
    return learn_symbols(wanted.kind, (texts[int(row)] for row in rows), wanted.most, least, wanted.lower)


def with_text(pairs: TextPairs, notes: list[str]) -> np.ndarray:
    """The rows that have text on both sides."""
    sides = (pairs.sources, pairs.targets)
    there = np.array([all(side[row].strip() for side in sides) for row in range(len(pairs))], dtype=bool)
    if not there.any():
        raise GatewiseError(f"{pairs.path}: no pair has text on both sides")
    if not there.all():
        first = pairs.place(int(there.argmin()))
        notes.append(
            f"{pairs.path}: pairs with an empty side, left out: {(~there).sum()}, the first in {first}"
        )
    return np.flatnonzero(there)


def split(
    pairs: TextPairs, rows: np.ndarray, shares: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows to train on, to validate, to test, at random but always the same.

    Pairs with one source are never parted. Raises: `GatewiseError` if there are too few.
    """
    group = _groups([hash(pairs.sources[int(row)]) for row in rows])
    groups = int(group.max()) + 1
    if groups < (FEWEST if any(shares) else 1):
        raise GatewiseError(
            f"{pairs.path} has {groups} different source{'s' * (groups > 1)}; expected at least {FEWEST}, "
            "to train on, to validate and to test"
        )
    mixed = np.random.default_rng(0).permutation(groups)
    held = [min(max(round(share * groups), 1), MOST_HELD) if share else 0 for share in shares]
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

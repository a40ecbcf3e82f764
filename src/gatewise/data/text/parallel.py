"""Pairs of texts as numbers, split into sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from gatewise.data.splits import TITLES, Fractions, group_split
from gatewise.data.text.pairs import TextPairs, Texts
from gatewise.data.text.ragged import Ragged
from gatewise.data.tokenizers.sentences import UNKNOWN, SentenceTokenizer, TokenUnit, learn_sentences
from gatewise.errors import GatewiseError

MIN_SOURCES, MAX_HELD_OUT = 5, 5000  # different sources: of a file, and of its validation and test set


class PairBatch(NamedTuple):
    """Sentences of two languages as numbers, each with END, and PADDING beyond it.

    source: [B, S]; lengths: [B], of the sources, including END; target: [B, T]
    """

    source: Tensor
    lengths: Tensor
    target: Tensor


@dataclass(frozen=True, eq=False)
class Parallel(Dataset[PairBatch]):
    """Some pairs of a file as numbers; their texts are read on request.

    rows: [pairs], their numbers in the file; sources, targets: as numbers
    """

    texts: TextPairs
    rows: np.ndarray
    sources: Ragged
    targets: Ragged

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> PairBatch:
        return PairBatch(*(field[0] for field in self.__getitems__([number])))

    def __getitems__(self, numbers: Sequence[int]) -> PairBatch:
        """A padded batch, as a DataLoader fetches it."""
        rows = np.asarray(numbers)
        return PairBatch(
            self.sources.padded(rows), self.sources.tensor_lengths(rows), self.targets.padded(rows)
        )

    @property
    def sizes(self) -> np.ndarray:
        """[pairs], their lengths, so that batches have pairs of similar length."""
        return self.sources.lengths + self.targets.lengths

    def text(self, number: int) -> tuple[str, str]:
        """Source and target as in the file."""
        row = int(self.rows[number])
        return self.texts.sources[row], self.texts.targets[row]


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    """How tokenizers are learned.

    size: the most tokens of each side; min_count: occurrences of a word in the vocabulary
    max_length: the most tokens of a sentence in the training set; lower: whether texts become lower case
    """

    kind: TokenUnit = "words"
    size: int = 10_000
    min_count: int = 2
    max_length: int = 200
    lower: bool = False

    def learn(self, texts: Texts, rows: np.ndarray) -> SentenceTokenizer:
        """The tokenizer of some texts."""
        min_count = self.min_count if self.kind == "words" else 1
        chosen = (texts[int(row)] for row in rows)
        return learn_sentences(self.kind, chosen, self.size, min_count, self.lower)


@dataclass(frozen=True)
class ParallelData:
    """The sets of pairs, and the tokenizers of both sides."""

    train: Parallel
    validation: Parallel
    test: Parallel
    source: SentenceTokenizer
    target: SentenceTokenizer
    notes: tuple[str, ...] = ()


def prepare(
    pairs: TextPairs,
    config: VocabularyConfig,
    fractions: Fractions,
    validation: TextPairs | None = None,
    test: TextPairs | None = None,
    tokenizers: tuple[SentenceTokenizer, SentenceTokenizer] | None = None,
) -> ParallelData:
    """Splits pairs, learns the tokenizers from the training set, and encodes all sets.

    Args:
        fractions: of the validation and the test set, if these have no files of their own
        validation, test: pairs of other files
        tokenizers: of sources and targets; None to learn them

    Raises: `GatewiseError` if too few pairs have text on both sides.
    """
    notes = [*pairs.notes]
    rows, *held_out = split_pairs(
        pairs, complete_rows(pairs, notes), own_fractions(fractions, validation, test)
    )
    source, target = tokenizers or (config.learn(texts, rows) for texts in (pairs.sources, pairs.targets))
    train = encode_pairs(pairs, rows, source, target)
    fits = np.maximum(train.sources.lengths, train.targets.lengths) <= config.max_length
    if not fits.any():
        raise GatewiseError(
            f"{pairs.path}: every pair has more than {config.max_length} tokens; increase --max-length"
        )
    if not fits.all():
        notes.append(f"pairs of more than {config.max_length} tokens, not in training: {(~fits).sum()}")
        train = encode_pairs(pairs, rows[fits], source, target)
    validating, testing = (
        encode_pairs(pairs, own, source, target)
        if other is None
        else encode_pairs(other, complete_rows(other, notes), source, target)
        for own, other in zip(held_out, (validation, test), strict=True)
    )
    notes.append(_describe((train, validating, testing), source, target))
    if test is not None and (seen := count_seen(train, testing)):
        notes.append(f"sources of the test set that are also in the training set: {seen} of {len(testing)}")
    return ParallelData(train, validating, testing, source, target, tuple(notes))


def own_fractions(fractions: Fractions, validation: TextPairs | None, test: TextPairs | None) -> Fractions:
    """The fractions to draw from the pairs themselves: 0 for a set with a file of its own."""
    return Fractions(
        0.0 if validation is not None else fractions.validation, 0.0 if test is not None else fractions.test
    )


def encode_pairs(
    pairs: TextPairs, rows: np.ndarray, source: SentenceTokenizer, target: SentenceTokenizer
) -> Parallel:
    """Some pairs as numbers."""
    return Parallel(pairs, rows, _encode(pairs.sources, rows, source), _encode(pairs.targets, rows, target))


def _encode(texts: Texts, rows: np.ndarray, tokenizer: SentenceTokenizer) -> Ragged:
    return Ragged.of(tokenizer.encode(texts[int(row)]) for row in rows)


def complete_rows(pairs: TextPairs, notes: list[str]) -> np.ndarray:
    """The rows with text on both sides; a note on the others is added to `notes`."""
    sides = (pairs.sources, pairs.targets)
    complete = np.array([all(side[row].strip() for side in sides) for row in range(len(pairs))], dtype=bool)
    if not complete.any():
        raise GatewiseError(
            f"{pairs.path}: no pair has text on both sides; give a source and a target for each"
        )
    if not complete.all():
        first = pairs.place(int(complete.argmin()))
        notes.append(
            f"{pairs.path}: pairs with an empty side, left out: {(~complete).sum()}, the first in {first}"
        )
    return np.flatnonzero(complete)


def split_pairs(
    pairs: TextPairs, rows: np.ndarray, fractions: Fractions
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows of each set, drawn at random; pairs with the same source are in the same set.

    Raises: `GatewiseError` if there are too few different sources.
    """
    split = group_split(
        [hash(pairs.sources[int(row)]) for row in rows],
        fractions,
        pairs.path,
        "different sources",
        minimum=MIN_SOURCES if fractions.validation or fractions.test else 1,
        limit=MAX_HELD_OUT,
    )
    train, validation, test = (rows[numbers] for numbers in split)
    return train, validation, test


def _describe(sets: Sequence[Parallel], source: SentenceTokenizer, target: SentenceTokenizer) -> str:
    """The sizes of sets and vocabularies in a sentence, with the unknown tokens of the test set."""
    unknown = [(side.numbers == UNKNOWN).mean() for side in (sets[2].sources, sets[2].targets)]
    missed = f"; unknown in the test set: {unknown[0]:.1%} and {unknown[1]:.1%}" if any(unknown) else ""
    sizes = (f"{title} set {len(one):,} pairs" for title, one in zip(TITLES.values(), sets, strict=True))
    return f"{', '.join(sizes)}; vocabularies of {len(source):,} and {len(target):,} tokens{missed}"


def count_seen(train: Parallel, test: Parallel) -> int:
    """The number of sources of a test set that are also in the training set."""
    seen = {hash(train.text(number)[0]) for number in range(len(train))}
    return sum(hash(test.text(number)[0]) in seen for number in range(len(test)))

"""Sentences as numbers: a number for each known word, and the letters of every word for those unknown."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gatewise.data.labels.pieces import InPieces, Pieces

LEAST = 2  # a word seen once is unknown: so the unknown word is learned too
LONGEST = 32  # letters of a word that are read: its first and its last ones
DIGIT = re.compile(r"\d")
UNKNOWN = 0
NONE = -1  # the label of a step that has none


class TokenBatch(NamedTuple):
    """Sentences, padded to the longest.

    words: [B, T], 0 where unknown; spellings: [B, T], the row in `letters`
    letters: [U, L], of each spelling that occurs, 0 where unknown or padded; sizes: [U], how many
    lengths: [B]; labels: [B, T], -1 beyond the end and where there is none
    """

    words: Tensor
    spellings: Tensor
    letters: Tensor
    sizes: Tensor
    lengths: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Vocabulary:
    """The words and the letters that have a number, from 1; 0 is everything else.

    >>> vocabulary = learn_vocabulary(["The", "the", "1984", "cat", "1850"])
    >>> vocabulary.words, vocabulary.word("THE"), vocabulary.word("2001"), vocabulary.word("cat")
    (('the', '0000'), 1, 2, 0)
    """

    words: tuple[str, ...]
    letters: tuple[str, ...]

    @cached_property
    def _word_numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, 1)}

    @cached_property
    def _letter_numbers(self) -> dict[str, int]:
        return {letter: number for number, letter in enumerate(self.letters, 1)}

    def word(self, token: str) -> int:
        """The number of a word."""
        return self._word_numbers.get(common_form(token), UNKNOWN)

    def spelling(self, token: str) -> list[int]:
        """The numbers of its letters."""
        return [self._letter_numbers.get(letter, UNKNOWN) for letter in _read_letters(token)]


def common_form(token: str) -> str:
    """A word in lower case, each digit a 0: what it is known by."""
    return DIGIT.sub("0", unicodedata.normalize("NFC", token).lower())


def learn_vocabulary(tokens: Iterable[str], least: int = LEAST) -> Vocabulary:
    """The words that occur at least so often, and all letters; the most frequent first."""
    counts = Counter(tokens)
    words: Counter[str] = Counter()
    letters: Counter[str] = Counter()
    for token, count in counts.items():
        words[common_form(token)] += count
        for letter in _read_letters(token):
            letters[letter] += count
    kept = [word for word, count in words.most_common() if count >= least]
    return Vocabulary(tuple(kept), tuple(letter for letter, count in letters.most_common() if count >= least))


def _read_letters(token: str) -> str:
    token = unicodedata.normalize("NFC", token)
    return token if len(token) <= LONGEST else token[: LONGEST // 2] + token[-LONGEST // 2 :]


class TokenSteps(InPieces[TokenBatch]):
    """Pieces of text by number, as batches.

    tokens: of the whole text, one after another; labels: [N], by number; None where there are none
    pieces: those that belong to this part; place: where a token is in its file
    """

    def __init__(
        self,
        tokens: Sequence[str],
        labels: np.ndarray | None,
        vocabulary: Vocabulary,
        pieces: Pieces,
        place: Callable[[int], str] = str,
    ) -> None:
        self.tokens, self.pieces, self.place = tokens, pieces, place
        self.labels = np.full(len(tokens), NONE) if labels is None else labels
        kinds: dict[str, int] = {}
        self._kinds = np.array([kinds.setdefault(token, len(kinds)) for token in tokens])
        self._words = np.array([vocabulary.word(token) for token in kinds])
        spelt = [vocabulary.spelling(token) for token in kinds]
        self._letters = np.concatenate([np.array(one) for one in spelt])
        self._starts = np.cumsum([0, *(len(one) for one in spelt)])

    def part(self, pieces: Pieces) -> TokenSteps:
        """Other pieces of the same text, over the same memory."""
        other = object.__new__(TokenSteps)
        other.__dict__.update(self.__dict__, pieces=pieces)
        return other

    def __getitems__(self, numbers: list[int]) -> TokenBatch:
        """A whole batch at once, padded."""
        lengths = self.pieces.sizes[numbers]
        rows, columns = spread(lengths)
        where = self.pieces.starts[numbers][rows] + columns
        occur, spellings = np.unique(self._kinds[where], return_inverse=True)
        sizes = np.diff(self._starts)[occur]
        of, nth = spread(sizes)
        return TokenBatch(
            filled(rows, columns, lengths, self._words[self._kinds[where]], UNKNOWN),
            filled(rows, columns, lengths, spellings, 0),
            filled(of, nth, sizes, self._letters[self._starts[occur][of] + nth], UNKNOWN),
            torch.from_numpy(sizes),
            torch.from_numpy(lengths),
            filled(rows, columns, lengths, self.labels[where], NONE),
        )


def spread(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For sequences one after another: the row of each step, and its place in the row.

    >>> rows, columns = spread(np.array([2, 0, 1]))
    >>> rows.tolist(), columns.tolist()
    ([0, 0, 2], [0, 1, 0])
    """
    rows = np.repeat(np.arange(len(lengths)), lengths)
    return rows, np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def filled(
    rows: np.ndarray, columns: np.ndarray, lengths: np.ndarray, values: np.ndarray, padding: int | float
) -> Tensor:
    """[B, T, ...]: the values [N, ...] at their rows and columns, padding elsewhere."""
    shape = (len(lengths), max(int(lengths.max(initial=0)), 1), *values.shape[1:])
    whole = np.full(shape, padding, values.dtype)
    whole[rows, columns] = values
    return torch.from_numpy(whole)

"""Sequences and the text that each holds, not told which step holds what."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from gatewise.data.labels.token_steps import filled, spread

Symbols = Literal["characters", "words"]


class TranscriptBatch(NamedTuple):
    """Sequences and their texts, padded to the longest.

    values: [B, T, C], 0 beyond lengths [B]; targets: [B, L] in 1..V, 0 beyond sizes [B]
    """

    values: Tensor
    lengths: Tensor
    targets: Tensor
    sizes: Tensor


class Inputs(Protocol):
    """Sequences by number."""

    @property
    def steps(self) -> np.ndarray:
        """[N], the length of each."""

    @property
    def channels(self) -> int:
        """C, the numbers of a step."""

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """[B, T, C], zero beyond the lengths [B]."""


@dataclass(frozen=True)
class Alphabet:
    """The symbols that texts are made of, by number from 1; 0 is the blank.

    kind: "characters", or "words" with blanks between them

    >>> alphabet = learn_alphabet(["tea", "eat"], "characters")
    >>> alphabet.symbols, alphabet.encode("ate"), alphabet.decode([2, 3])
    (('a', 'e', 't'), [1, 3, 2], 'et')
    """

    symbols: tuple[str, ...]
    kind: Symbols

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols, 1)}

    def split(self, text: str) -> list[str]:
        """A text's symbols, known ones and others."""
        return split(text, self.kind)

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's symbols; those without one are left out."""
        return [self._numbers[symbol] for symbol in self.split(text) if symbol in self._numbers]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of numbers."""
        return self.joined([self.symbols[one - 1] for one in numbers])

    def joined(self, symbols: Sequence[str]) -> str:
        """The text of symbols."""
        return ("" if self.kind == "characters" else " ").join(symbols)


def split(text: str, kind: Symbols) -> list[str]:
    """A text's symbols."""
    text = unicodedata.normalize("NFC", text)
    return list(text) if kind == "characters" else text.split()


def learn_alphabet(texts: Iterable[str], kind: Symbols) -> Alphabet:
    """All symbols of the texts, in order."""
    counts = Counter(symbol for text in texts for symbol in split(text, kind))
    return Alphabet(tuple(sorted(counts)), kind)


class TranscriptSteps:
    """Some of the inputs, by their numbers there, with the text of each; None where none is known.

    sizes: the length of each input, by which batches are made
    """

    def __init__(
        self, inputs: Inputs, numbers: Sequence[int], texts: Sequence[str] | None, alphabet: Alphabet
    ) -> None:
        self.inputs, self.alphabet = inputs, alphabet
        self.numbers = np.asarray(numbers, np.int64)
        self.texts = [""] * len(self.numbers) if texts is None else list(texts)
        self.targets = [np.array(alphabet.encode(text), np.int64) for text in self.texts]
        self.sizes = inputs.steps[self.numbers]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, number: int) -> TranscriptBatch:
        return self.__getitems__([number])

    def __getitems__(self, chosen: list[int]) -> TranscriptBatch:
        """A whole batch at once, padded."""
        values, lengths = self.inputs.batch(self.numbers[chosen].tolist())
        targets = [self.targets[one] for one in chosen]
        sizes = np.array([len(one) for one in targets])
        padded = filled(*spread(sizes), sizes, np.concatenate(targets), 0)
        return TranscriptBatch(values, lengths, padded, torch.from_numpy(sizes))

"""The symbols of transcripts, by characters or by words, with the blank of CTC."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from gatewise.data.tokenizers.vocabulary import Vocabulary

TranscriptUnit = Literal["characters", "words"]


@dataclass(frozen=True)
class TranscriptTokenizer:
    """The symbols of transcripts by number, from 1; 0 is the blank.

    kind: "characters", or "words" separated by spaces

    >>> tokenizer = learn_transcripts(["tea", "eat"], "characters")
    >>> tokenizer.symbols, tokenizer.encode("ate"), tokenizer.decode([2, 3])
    (('a', 'e', 't'), [1, 3, 2], 'et')
    """

    symbols: tuple[str, ...]
    kind: TranscriptUnit

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.symbols, first=1)

    def split(self, text: str) -> list[str]:
        """The symbols of a text, including unknown ones."""
        return _split(text, self.kind)

    def encode(self, text: str) -> list[int]:
        """The numbers of the known symbols of a text."""
        return self._vocabulary.known(self.split(text))

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of numbers."""
        return self.join([self._vocabulary.token(number) for number in numbers])

    def join(self, symbols: Sequence[str]) -> str:
        """The text of symbols."""
        return ("" if self.kind == "characters" else " ").join(symbols)


def learn_transcripts(texts: Iterable[str], kind: TranscriptUnit) -> TranscriptTokenizer:
    """All symbols of texts, sorted."""
    return TranscriptTokenizer(tuple(sorted({one for text in texts for one in _split(text, kind)})), kind)


def _split(text: str, kind: TranscriptUnit) -> list[str]:
    text = unicodedata.normalize("NFC", text)
    return list(text) if kind == "characters" else text.split()

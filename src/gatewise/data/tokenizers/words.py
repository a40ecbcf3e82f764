"""Words with the letters of their spelling, so that unknown words still have a representation."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from gatewise.data.tokenizers.vocabulary import Vocabulary, most_frequent

MIN_COUNT = 2  # words seen once are unknown, so that training covers the unknown word
MAX_LETTERS = 32  # of a word: its first and its last ones
DIGIT = re.compile(r"\d")
UNKNOWN = 0


@dataclass(frozen=True)
class WordTokenizer:
    """The words and the letters that have a number, from 1; 0 is everything else.

    >>> tokenizer = learn_words(["The", "the", "1984", "cat", "1850"])
    >>> tokenizer.words, tokenizer.word("THE"), tokenizer.word("2001"), tokenizer.word("cat")
    (('the', '0000'), 1, 2, 0)
    """

    words: tuple[str, ...]
    letters: tuple[str, ...]

    @cached_property
    def _words(self) -> Vocabulary:
        return Vocabulary(self.words, first=1)

    @cached_property
    def _letters(self) -> Vocabulary:
        return Vocabulary(self.letters, first=1)

    def word(self, token: str) -> int:
        """The number of a word."""
        return self._words.number(normalize_word(token), UNKNOWN)

    def spelling(self, token: str) -> list[int]:
        """The numbers of the letters of a word."""
        return self._letters.numbers(_letters_of(token), UNKNOWN)


def normalize_word(token: str) -> str:
    """A word in lower case, with every digit replaced by 0."""
    return DIGIT.sub("0", unicodedata.normalize("NFC", token).lower())


def learn_words(tokens: Iterable[str], min_count: int = MIN_COUNT) -> WordTokenizer:
    """The words and letters that occur at least `min_count` times, the most frequent first."""
    words: Counter[str] = Counter()
    letters: Counter[str] = Counter()
    for token, count in Counter(tokens).items():
        words[normalize_word(token)] += count
        for letter in _letters_of(token):
            letters[letter] += count
    kept = (tuple(most_frequent(counts, min_count=min_count)) for counts in (words, letters))
    return WordTokenizer(*kept)


def _letters_of(token: str) -> str:
    token = unicodedata.normalize("NFC", token)
    return token if len(token) <= MAX_LETTERS else token[: MAX_LETTERS // 2] + token[-MAX_LETTERS // 2 :]

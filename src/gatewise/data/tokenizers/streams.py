"""Long texts as streams of symbols and back: characters, bytes, words, or byte pairs."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from gatewise.data.tokenizers.byte_pairs import load_byte_pairs, train_byte_pairs
from gatewise.data.tokenizers.vocabulary import Vocabulary, most_frequent
from gatewise.errors import GatewiseError

StreamUnit = Literal["characters", "bytes", "words", "bpe"]
CODE_POINTS = 0x110000
WORD = re.compile(r" ?\w+(?:['\u2019]\w+)*| ?[^\w\s]|\s")  # with the space before it; punctuation
SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}


class StreamTokenizer(ABC):
    """Turns UTF-8 into numbers of symbols, and back."""

    kind: ClassVar[StreamUnit]
    unknown: ClassVar[int | None] = None  # the number of all characters without their own

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def encode(self, text: bytes) -> np.ndarray:
        """The numbers of a text in UTF-8 that does not end within a character."""

    @abstractmethod
    def to_bytes(self, symbol: int) -> bytes:
        """The bytes of a symbol; several symbols may form a character."""

    @abstractmethod
    def to_data(self) -> dict[str, Any]:
        """Plain data, as `stream_tokenizer` reads them."""

    def decode(self, symbols: Iterable[int]) -> str:
        """The text of symbols, with replacement characters for incomplete ones."""
        return b"".join(map(self.to_bytes, symbols)).decode(errors="replace")

    def display(self, symbol: int) -> str:
        """A symbol for readers, with visible spaces."""
        text = self.decode([symbol])
        if not text.isprintable() and not any(sign in text for sign in SIGNS):
            return ascii(text)[1:-1]
        return "".join(SIGNS.get(one, one) for one in text)

    def encode_prime(self, text: str) -> np.ndarray:
        """The numbers of a text given by a user. Raises: `GatewiseError` if it has unknown characters."""
        return self.encode(text.encode(errors="surrogateescape"))


class Characters(StreamTokenizer):
    """Characters of Unicode; number 0 is any other.

    >>> letters = Characters("abé")
    >>> letters.encode("béx".encode()).tolist(), letters.decode([1, 2, 3])
    ([2, 3, 0], 'abé')
    """

    kind = "characters"
    unknown = 0

    def __init__(self, characters: str) -> None:
        self.characters = characters
        self._vocabulary = Vocabulary(characters, first=1)
        codes = np.array([ord(one) for one in characters], dtype=np.int64)
        # The last entry stands for all code points beyond the table.
        self._numbers = np.zeros(codes.max(initial=0) + 2, dtype=np.min_scalar_type(len(self)))
        self._numbers[codes] = np.arange(1, len(self))

    def __len__(self) -> int:
        return len(self._vocabulary)

    def encode(self, text: bytes) -> np.ndarray:
        return self._numbers.take(code_points(text), mode="clip")

    def to_bytes(self, symbol: int) -> bytes:
        return (self._vocabulary.token(symbol) if symbol else "\N{REPLACEMENT CHARACTER}").encode()

    def encode_prime(self, text: str) -> np.ndarray:
        unknown = [one for one in text if one not in self.characters]
        if unknown:
            raise GatewiseError(
                f"the model has not seen {unknown[0]!r} in training; it knows {len(self.characters)} "
                f"characters: {abridge(self.characters)}"
            )
        return super().encode_prime(text)

    def to_data(self) -> dict[str, Any]:
        return {"kind": self.kind, "characters": self.characters}


class Bytes(StreamTokenizer):
    """The 256 bytes, whatever their encoding.

    >>> Bytes().encode("é".encode()).tolist(), Bytes().decode([195, 169])
    ([195, 169], 'é')
    """

    kind = "bytes"

    def __len__(self) -> int:
        return 256

    def encode(self, text: bytes) -> np.ndarray:
        return np.frombuffer(text, dtype=np.uint8)

    def to_bytes(self, symbol: int) -> bytes:
        return bytes([symbol])

    def to_data(self) -> dict[str, Any]:
        return {"kind": self.kind}


class Words(StreamTokenizer):
    """Words with the space before them, punctuation and white space; number 0 is any other.

    >>> tokenizer = Words(["To", " be", ",", "\\n"])
    >>> tokenizer.encode(b"To be, or\\n").tolist(), tokenizer.decode([1, 2, 3])
    ([1, 2, 3, 0, 4], 'To be,')
    """

    kind = "words"
    unknown = 0

    def __init__(self, words: Sequence[str]) -> None:
        if isinstance(words, str) or not all(isinstance(one, str) for one in words):
            raise TypeError("expected words as a list of texts")
        self._vocabulary = Vocabulary(words, first=1)

    def __len__(self) -> int:
        return len(self._vocabulary)

    def encode(self, text: bytes) -> np.ndarray:
        numbers = self._vocabulary.numbers(WORD.findall(text.decode()), self.unknown)
        return np.array(numbers, dtype=np.min_scalar_type(len(self)))

    def to_bytes(self, symbol: int) -> bytes:
        return (self._vocabulary.token(symbol) if symbol else " \N{REPLACEMENT CHARACTER}").encode()

    def encode_prime(self, text: str) -> np.ndarray:
        tokens = WORD.findall(text)
        numbers = self._vocabulary.numbers(tokens, self.unknown)
        if self.unknown in numbers:
            unknown = tokens[numbers.index(self.unknown)].strip()
            raise GatewiseError(
                f"the model has not seen {unknown!r} in training, or too rarely; "
                f"it knows {len(self) - 1:,} words"
            )
        return np.array(numbers, dtype=np.min_scalar_type(len(self)))

    def to_data(self) -> dict[str, Any]:
        return {"kind": self.kind, "words": list(self._vocabulary.tokens)}


class BytePairs(StreamTokenizer):
    """Bytes and their most frequent combinations.

    model: as JSON of HuggingFace's tokenizers; all bytes are symbols, so that no text is unknown
    """

    kind = "bpe"

    def __init__(self, model: str) -> None:
        self.model = model
        self._pairs = load_byte_pairs(model)

    def __len__(self) -> int:
        return int(self._pairs.get_vocab_size())

    def encode(self, text: bytes) -> np.ndarray:
        (found,) = self._pairs.encode_batch_fast([text.decode()])
        return np.array(found.ids, dtype=np.min_scalar_type(len(self)))

    def to_bytes(self, symbol: int) -> bytes:
        return bytes(self._bytes[one] for one in self._pairs.id_to_token(symbol))

    def to_data(self) -> dict[str, Any]:
        return {"kind": self.kind, "model": self.model}

    @cached_property
    def _bytes(self) -> dict[str, int]:
        """The byte of each character in the names of symbols, as in GPT-2."""
        plain = [
            *range(ord("!"), ord("~") + 1),
            *range(ord("¡"), ord("¬") + 1),
            *range(ord("®"), ord("ÿ") + 1),
        ]
        others = [one for one in range(256) if one not in plain]
        return {chr(one): one for one in plain} | {chr(256 + place): one for place, one in enumerate(others)}


def learn_byte_pairs(texts: Iterable[str], size: int) -> BytePairs:
    """Byte pairs with at most `size` symbols, learned from texts."""
    return BytePairs(train_byte_pairs(texts, size, prefix_space=False))


def learn_words(texts: Iterable[str], size: int) -> Words:
    """The words of texts that occur at least twice, so that the unknown word is learned; `size` at most.

    size: of the vocabulary, the unknown word included; 0 for any

    Raises: `GatewiseError` if no word occurs twice.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(WORD.findall(text))
    words = most_frequent(counts, min_count=2, size=size - 1 if size else None, sort_ties=True)
    if not words:
        raise GatewiseError("no word of the training set occurs twice; give a longer text")
    return Words(words)


def stream_tokenizer(data: Mapping[str, Any]) -> StreamTokenizer:
    """The tokenizer of which `to_data` returned the data. Raises: `GatewiseError` if they are invalid."""
    options = dict(data)
    kinds: dict[str | None, type[StreamTokenizer]] = {
        one.kind: one for one in (Characters, Bytes, Words, BytePairs)
    }
    try:
        return kinds[options.pop("kind", None)](**options)
    except Exception as error:  # tokenizers raises plain exceptions
        reason = " ".join(repr(error).split())[:200]
        raise GatewiseError(f"the model's tokenizer can't be read: {reason}") from error


def code_points(text: bytes) -> np.ndarray:
    """The code points of a text in UTF-8."""
    if text.isascii():
        return np.frombuffer(text, dtype=np.uint8)
    return np.frombuffer(text.decode().encode("utf-32-le"), dtype=np.uint32)


def abridge(characters: str, max_length: int = 80) -> str:
    """The printable ones of characters, shortened for a message."""
    text = "".join(one for one in characters if one.isprintable() and not one.isspace())
    return text if len(text) <= max_length else f"{text[:max_length]}..."

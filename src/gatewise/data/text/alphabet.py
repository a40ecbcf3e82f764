"""The symbols of a text that is continued: characters, bytes, or byte pairs; as numbers and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from gatewise.errors import GatewiseError

Kind = Literal["characters", "bytes", "bpe"]
CODE_POINTS = 0x110000
SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}


class Alphabet(ABC):
    """Which symbols a text is made of, each with a number."""

    kind: ClassVar[Kind]
    unknown: ClassVar[int | None] = None  # the number of all that is not in the alphabet

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def encode(self, text: bytes) -> np.ndarray:
        """The numbers of a text in UTF-8, of which no character is cut."""

    @abstractmethod
    def spelled(self, symbol: int) -> bytes:
        """What a symbol stands for; several together may make a character."""

    @abstractmethod
    def to_data(self) -> dict[str, Any]:
        """Plain data, as `alphabet_from` reads it."""

    def decode(self, symbols: Iterable[int]) -> str:
        """The text of symbols; what is no whole character is shown as such."""
        return b"".join(map(self.spelled, symbols)).decode(errors="replace")

    def shown(self, symbol: int) -> str:
        """A symbol as a reader can see it."""
        text = self.decode([symbol])
        if not text.isprintable() and not any(sign in text for sign in SIGNS):
            return ascii(text)[1:-1]
        return "".join(SIGNS.get(one, one) for one in text)

    def primed(self, text: str) -> np.ndarray:
        """The numbers of a text that a user gave. Raises: `GatewiseError` if one is unknown."""
        return self.encode(text.encode(errors="surrogateescape"))


class Characters(Alphabet):
    """Characters of Unicode; number 0 is any other.

    >>> letters = Characters("abé")
    >>> letters.encode("béx".encode()).tolist(), letters.decode([1, 2, 3])
    ([2, 3, 0], 'abé')
    """

    kind = "characters"
    unknown = 0

    def __init__(self, characters: str) -> None:
        self.characters = characters
        codes = np.array([ord(one) for one in characters], dtype=np.int64)
        # The last entry, of no character known, also serves all beyond it.
        self._numbers = np.zeros(codes.max(initial=0) + 2, dtype=np.min_scalar_type(len(self)))
        self._numbers[codes] = np.arange(1, len(self))

    def __len__(self) -> int:
        return 1 + len(self.characters)

    def encode(self, text: bytes) -> np.ndarray:
        return self._numbers.take(code_points(text), mode="clip")

    def spelled(self, symbol: int) -> bytes:
        return (self.characters[symbol - 1] if symbol else "\N{REPLACEMENT CHARACTER}").encode()

    def primed(self, text: str) -> np.ndarray:
        strange = [one for one in text if one not in self.characters]
        if strange:
            raise GatewiseError(
                f"the model has not seen {strange[0]!r} in training; it knows {len(self.characters)} "
                f"characters: {abridged(self.characters)}"
            )
        return super().primed(text)

    def to_data(self) -> dict[str, Any]:
        return {"kind": self.kind, "characters": self.characters}


class Bytes(Alphabet):
    """The 256 bytes, whatever they mean.

    >>> Bytes().encode("é".encode()).tolist(), Bytes().decode([195, 169])
    ([195, 169], 'é')
    """

    kind = "bytes"

    def __len__(self) -> int:
        return 256

    def encode(self, text: bytes) -> np.ndarray:
        return np.frombuffer(text, dtype=np.uint8)

    def spelled(self, symbol: int) -> bytes:
        return bytes([symbol])

    def to_data(self) -> dict[str, Any]:
        return {"kind": self.kind}


class BytePairs(Alphabet):
    """Bytes, and those that often stand together as one symbol (Sennrich et al. 2016).

    model: as HuggingFace's tokenizers writes it; all bytes are among the symbols, so that none is unknown
    """

    kind = "bpe"

    def __init__(self, model: str) -> None:
        self.model = model
        self._pairs = tokenizers().Tokenizer.from_str(model)

    def __len__(self) -> int:
        return int(self._pairs.get_vocab_size())

    def encode(self, text: bytes) -> np.ndarray:
        (found,) = self._pairs.encode_batch_fast([text.decode()])
        return np.array(found.ids, dtype=np.min_scalar_type(len(self)))

    def spelled(self, symbol: int) -> bytes:
        return bytes(self._bytes[one] for one in self._pairs.id_to_token(symbol))

    def to_data(self) -> dict[str, Any]:
        return {"kind": self.kind, "model": self.model}

    @cached_property
    def _bytes(self) -> dict[str, int]:
        """The byte that each character stands for in the names of symbols, as GPT-2 has it."""
        plain = [
            *range(ord("!"), ord("~") + 1),
            *range(ord("¡"), ord("¬") + 1),
            *range(ord("®"), ord("ÿ") + 1),
        ]
        others = [one for one in range(256) if one not in plain]
        return {chr(one): one for one in plain} | {chr(256 + place): one for place, one in enumerate(others)}


def learn_byte_pairs(texts: Iterable[str], most: int) -> BytePairs:
    """Joins what most often stands together in texts, until there are `most` symbols."""
    library = tokenizers()
    pairs = library.Tokenizer(library.models.BPE())
    pairs.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(library.pre_tokenizers.ByteLevel.alphabet())
    trainer = library.trainers.BpeTrainer(vocab_size=most, initial_alphabet=alphabet, show_progress=False)
    pairs.train_from_iterator(texts, trainer)
    return BytePairs(pairs.to_str())


def alphabet_from(data: Mapping[str, Any]) -> Alphabet:
    """The alphabet that `to_data` told of. Raises: `GatewiseError` if there is none such."""
    options = dict(data)
    kinds: dict[Any, type[Alphabet]] = {one.kind: one for one in (Characters, Bytes, BytePairs)}
    try:
        return kinds[options.pop("kind")](**options)
    except Exception as error:  # tokenizers has no class of its own
        reason = " ".join(repr(error).split())[:200]
        raise GatewiseError(f"the model's alphabet can't be read: {reason}") from error


def code_points(text: bytes) -> np.ndarray:
    """The numbers that Unicode gives to the characters of a text in UTF-8."""
    if text.isascii():
        return np.frombuffer(text, dtype=np.uint8)
    return np.frombuffer(text.decode().encode("utf-32-le"), dtype=np.uint32)


def abridged(characters: str, most: int = 80) -> str:
    """Characters in a line of a message."""
    told = "".join(one for one in characters if one.isprintable() and not one.isspace())
    return told if len(told) <= most else f"{told[:most]}..."


def tokenizers() -> Any:
    """The library of byte pairs. Raises: `GatewiseError` if it is not installed."""
    try:
        import tokenizers as library
    except ImportError as error:
        raise GatewiseError(
            "byte pairs need HuggingFace's tokenizers: pip install 'gatewise[text]', or give "
            "--tokenizer bytes"
        ) from error
    return library

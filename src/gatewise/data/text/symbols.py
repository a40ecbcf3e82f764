"""Text as numbers and back: by words, by characters, or by byte pairs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from gatewise.errors import GatewiseError

Kind = Literal["words", "characters", "bpe"]
PADDING, UNKNOWN, BEGIN, END = SPECIAL = range(4)
JOINED = "\u2060"  # Unicode's word joiner, which nobody sees: there was no space on this side
BEFORE_SIGN = re.compile(r"(?<=\S)(?=[^\w\s])")  # a place without a space
AFTER_SIGN = re.compile(r"(?<=[^\w\s])(?=\w)")


class Symbols:
    """The symbols of a text, by number; the first four are padding, unknown, begin and end.

    words: words and single signs; a sign knows on which sides of it there was no space
    characters: each by itself
    bpe: byte pairs (Sennrich et al. 2016), by HuggingFace's tokenizers; nothing is unknown to them

    kind: one of these; names: of the symbols, without the first four; lower: all in lower case
    model: of byte pairs, as tokenizers writes it

    >>> words = Symbols("words", ["man", "a", ".", "\u2060."])
    >>> words.split("A man."), words.encode("a man."), words.join(words.split("A man."))
    (['A', 'man', '\u2060.'], [5, 4, 7], 'A man.')
    """

    def __init__(self, kind: Kind, names: Sequence[str], lower: bool = False, model: str = "") -> None:
        self.kind, self.names, self.lower, self.model = kind, tuple(names), lower, model
        self._numbers = {name: number for number, name in enumerate(self.names, len(SPECIAL))}
        self._pairs = _tokenizers().Tokenizer.from_str(model) if kind == "bpe" else None

    def __len__(self) -> int:
        return len(SPECIAL) + len(self.names)

    def plain(self, text: str) -> str:
        """A text as these symbols can tell it: spaces in order, and lower case if so."""
        text = text if self.kind == "characters" else " ".join(text.split())
        return text.lower() if self.lower else text

    def split(self, text: str) -> list[str]:
        """A text's pieces by name, known ones and others."""
        text = self.plain(text)
        if self.kind == "characters":
            return list(text)
        if self._pairs is not None:
            return list(self._pairs.encode(text).tokens)
        return _words(text.replace(JOINED, ""))

    def join(self, pieces: Sequence[str]) -> str:
        """The text of pieces."""
        if self._pairs is not None:
            return str(self._pairs.decoder.decode(list(pieces))).strip()
        if self.kind == "characters":
            return "".join(pieces)
        return " ".join(pieces).replace(f"{JOINED} ", "").replace(f" {JOINED}", "").replace(JOINED, "")

    def encode(self, text: str) -> list[int]:
        """A text's numbers."""
        return self.numbers(self.split(text))

    def numbers(self, pieces: Iterable[str]) -> list[int]:
        """The numbers of pieces; of those without one, that of the unknown."""
        return [self._numbers.get(piece, UNKNOWN) for piece in pieces]

    def name(self, number: int) -> str:
        """What a number stands for."""
        return self.names[number - len(SPECIAL)] if number >= len(SPECIAL) else f"<{_SPECIAL[number]}>"

    def shown(self, piece: str) -> str:
        """A piece as a reader knows it."""
        return self.join([piece]).strip() or "␣"

    def to_data(self) -> dict[str, Any]:
        """Plain data, as `from_data` reads it."""
        return {"kind": self.kind, "names": list(self.names), "lower": self.lower, "model": self.model}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Symbols:
        """What `to_data` wrote. Raises: `GatewiseError` if it is anything else."""
        match data:
            case {
                "kind": "words" | "characters" | "bpe" as kind, "names": [*names], "lower": bool(lower),
                "model": str(model),
            } if len(data) == 4 and all(isinstance(one, str) for one in names):  # fmt: skip
                try:
                    return cls(kind, names, lower, model)
                except Exception as error:  # of tokenizers, which has no class of its own
                    raise GatewiseError("the model's byte pairs can't be read") from error
        raise GatewiseError("the model's symbols can't be read: expected kind, names, lower and model")


_SPECIAL = ("padding", "unknown", "begin", "end")


def learn_symbols(
    kind: Kind, texts: Iterable[str], most: int, least: int = 1, lower: bool = False
) -> Symbols:
    """The symbols of texts, the most frequent ones first.

    most: of them, the first four counted in; least: how often one must occur, but for byte pairs
    """
    if kind == "bpe":
        return _learn_pairs(texts, most, lower)
    bare = Symbols(kind, (), lower)
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(bare.split(text))
    often = sorted((piece for piece, count in counts.items() if count >= least),
                   key=lambda piece: (-counts[piece], piece))  # fmt: skip
    return Symbols(kind, often[: most - len(SPECIAL)], lower)


def _words(text: str) -> list[str]:
    """Words and single signs. Two words have a space between them; a sign says where there is none."""
    apart = BEFORE_SIGN.sub(f" {JOINED}", text)
    return AFTER_SIGN.sub(f"{JOINED} ", apart).split()


def _learn_pairs(texts: Iterable[str], most: int, lower: bool) -> Symbols:
    tokenizers = _tokenizers()
    pairs = tokenizers.Tokenizer(tokenizers.models.BPE())
    pairs.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    pairs.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=max(most - len(SPECIAL), len(alphabet)), initial_alphabet=alphabet, show_progress=False
    )
    plain = Symbols("words", (), lower).plain
    pairs.train_from_iterator((plain(text) for text in texts), trainer)
    numbers = pairs.get_vocab()
    return Symbols("bpe", sorted(numbers, key=numbers.__getitem__), lower, pairs.to_str())


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise GatewiseError(
            "byte pairs need HuggingFace's tokenizers: pip install 'gatewise[text]', or give "
            "--tokenizer words"
        ) from error
    return tokenizers

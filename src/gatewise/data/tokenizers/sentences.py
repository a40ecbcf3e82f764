"""Sentences as numbers and back: by words, by characters, or by byte pairs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from gatewise.data.tokenizers.byte_pairs import load_byte_pairs, tokenizers_library, train_byte_pairs
from gatewise.data.tokenizers.vocabulary import Vocabulary, most_frequent
from gatewise.errors import GatewiseError

TokenUnit = Literal["words", "characters", "bpe"]
PADDING, UNKNOWN, BEGIN, END = SPECIAL = range(4)
SPECIAL_NAMES = ("padding", "unknown", "begin", "end")
JOINED = "\u2060"  # Unicode's invisible word joiner: there is no space on this side
BEFORE_SIGN = re.compile(r"(?<=\S)(?=[^\w\s])")  # a place without a space
AFTER_SIGN = re.compile(r"(?<=[^\w\s])(?=\w)")


class SentenceTokenizer:
    """Splits sentences into tokens with numbers; the first four are padding, unknown, begin and end.

    Args:
        kind: "words", with punctuation as tokens that know where there is no space; "characters"; or "bpe",
            byte pairs, to which no text is unknown
        names: the tokens, without the first four; lower: whether text is converted to lower case
        model: of byte pairs, as JSON of HuggingFace's tokenizers

    >>> words = SentenceTokenizer("words", ["man", "a", ".", "\u2060."])
    >>> words.split("A man."), words.encode("a man."), words.join(words.split("A man."))
    (['A', 'man', '\u2060.'], [5, 4, 7], 'A man.')
    """

    names: tuple[str, ...]
    lower: bool
    model: str

    def __init__(self, kind: TokenUnit, names: Sequence[str], lower: bool = False, model: str = "") -> None:
        self.kind, self.names, self.lower, self.model = kind, tuple(names), lower, model
        self._vocabulary = Vocabulary(self.names, first=len(SPECIAL))
        self._pairs = load_byte_pairs(model, "words") if kind == "bpe" else None

    def __len__(self) -> int:
        return len(self._vocabulary)

    def normalize(self, text: str) -> str:
        """A text with single spaces, unless characters are kept, and in lower case if required."""
        text = text if self.kind == "characters" else " ".join(text.split())
        return text.lower() if self.lower else text

    def split(self, text: str) -> list[str]:
        """The tokens of a text, including unknown ones."""
        text = self.normalize(text)
        if self.kind == "characters":
            return list(text)
        if self._pairs is not None:
            return list(self._pairs.encode(text).tokens)
        return _words(text.replace(JOINED, ""))

    def join(self, tokens: Sequence[str]) -> str:
        """The text of tokens."""
        if self._pairs is not None:
            return str(self._pairs.decoder.decode(list(tokens))).strip()
        if self.kind == "characters":
            return "".join(tokens)
        return " ".join(tokens).replace(f"{JOINED} ", "").replace(f" {JOINED}", "").replace(JOINED, "")

    def encode(self, text: str) -> list[int]:
        """The numbers of a text."""
        return self.numbers(self.split(text))

    def numbers(self, tokens: Iterable[str]) -> list[int]:
        """The numbers of tokens, UNKNOWN for those without one."""
        return self._vocabulary.numbers(tokens, UNKNOWN)

    def name(self, number: int) -> str:
        """The token of a number; the name of a special one in angle brackets."""
        return f"<{SPECIAL_NAMES[number]}>" if number < len(SPECIAL) else self._vocabulary.token(number)

    def display(self, token: str) -> str:
        """A token for readers, with a visible space."""
        return self.join([token]).strip() or "␣"

    def to_data(self) -> dict[str, object]:
        """Plain data, as `from_data` reads them."""
        return {"kind": self.kind, "names": list(self.names), "lower": self.lower, "model": self.model}

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> SentenceTokenizer:
        """The tokenizer of which `to_data` returned the data. Raises: `GatewiseError` if they are invalid."""
        match data:
            case {
                "kind": "words" | "characters" | "bpe" as kind,
                "names": [*names],
                "lower": bool(lower),
                "model": str(model),
            } if len(data) == 4 and all(isinstance(one, str) for one in names):
                try:
                    return cls(kind, [str(one) for one in names], lower, model)
                except Exception as error:  # tokenizers raises plain exceptions
                    raise GatewiseError("the model's byte pairs can't be read") from error
        raise GatewiseError("the model's tokenizer can't be read: expected kind, names, lower and model")


def learn_sentences(
    kind: TokenUnit, texts: Iterable[str], size: int, min_count: int = 1, lower: bool = False
) -> SentenceTokenizer:
    """A tokenizer with the most frequent tokens of texts.

    size: of the vocabulary at most, the special tokens included; min_count: occurrences of a token, except
        of byte pairs
    """
    plain = SentenceTokenizer("words" if kind == "bpe" else kind, (), lower)
    if kind == "bpe":
        tokenizers_library("words")
        model = train_byte_pairs(map(plain.normalize, texts), size - len(SPECIAL), prefix_space=True)
        numbers = load_byte_pairs(model).get_vocab()
        return SentenceTokenizer("bpe", sorted(numbers, key=numbers.__getitem__), lower, model)
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(plain.split(text))
    names = most_frequent(counts, min_count=min_count, size=size - len(SPECIAL), sort_ties=True)
    return SentenceTokenizer(kind, names, lower)


def _words(text: str) -> list[str]:
    """Words and punctuation; a word joiner marks each side of a sign without a space."""
    apart = BEFORE_SIGN.sub(f" {JOINED}", text)
    return AFTER_SIGN.sub(f"{JOINED} ", apart).split()

"""Tokenizers of sentences: text to numbers and back, by words, characters and byte pairs."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gatewise.data.tokenizers.sentences import (
    JOINED,
    SPECIAL,
    UNKNOWN,
    SentenceTokenizer,
    learn_sentences,
)
from gatewise.errors import GatewiseError

TEXTS = ["A man, a plan: (the) canal!", "the man's hat-stand", "the the man"]
KINDS = pytest.mark.parametrize("kind", ["words", "characters", "bpe"])


@given(some.text(alphabet=some.characters(codec="utf-8", exclude_characters=JOINED)))
def test_words_and_punctuation_round_trip(text):
    words = SentenceTokenizer("words", ())
    assert words.join(words.split(text)) == " ".join(text.split())


def test_punctuation_marks_missing_spaces():
    words = SentenceTokenizer("words", ())
    j = JOINED
    assert words.split("Well-known, isn't it? (no!)") == [
        "Well", f"{j}-{j}", "known", f"{j},", "isn", f"{j}'{j}", "t", "it", f"{j}?",
        f"({j}", "no", f"{j}!", f"{j})",
    ]  # fmt: skip
    assert words.split("a - b") == ["a", "-", "b"]
    assert words.join(["(", "a", f"{j})"]) == "( a)"


@KINDS
def test_known_text_round_trips(kind):
    symbols = learn_sentences(kind, TEXTS, 400)
    for text in TEXTS:
        assert symbols.join([symbols.name(one) for one in symbols.encode(text)]) == text
    assert min(number for text in TEXTS for number in symbols.encode(text)) >= len(SPECIAL)


@KINDS
def test_tokenizers_round_trip_as_plain_data(kind):
    symbols = learn_sentences(kind, TEXTS, 400, lower=True)
    again = SentenceTokenizer.from_data(json.loads(json.dumps(symbols.to_data())))
    assert again.names == symbols.names
    assert again.encode("The canal, a hat") == symbols.encode("The canal, a hat")


def test_frequent_words_are_first_and_rare_ones_unknown():
    words = learn_sentences("words", TEXTS, 100, min_count=2)
    assert words.names == ("the", "man")
    assert words.encode("man plan") == [5, UNKNOWN]
    assert [words.name(number) for number in (0, 1, 2, 3, 4)] == [
        "<padding>", "<unknown>", "<begin>", "<end>", "the",
    ]  # fmt: skip
    assert learn_sentences("words", TEXTS, 5).names == ("the",)
    assert len(learn_sentences("words", TEXTS, 5)) == 5


def test_text_may_be_lowercased():
    words = learn_sentences("words", ["The THE the"], 100, lower=True)
    assert words.names == ("the",)
    assert words.encode("tHe") == [4]
    assert words.normalize("  The   MAN ") == "the man"


def test_nothing_is_unknown_to_byte_pairs():
    pairs = learn_sentences("bpe", TEXTS, 270)
    assert len(pairs) == 270
    for text in ("żółć 漢字 🙂", "Canal panama"):
        numbers = pairs.encode(text)
        assert UNKNOWN not in numbers
        assert pairs.join([pairs.name(one) for one in numbers]) == text
    assert len(pairs.encode("the man")) == 2  # frequent ones are wholes


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(GatewiseError, match=r"pip install 'gatewise\[text\]', or give --tokenizer words"):
        learn_sentences("bpe", TEXTS, 300)


@KINDS
def test_tokens_are_displayed_for_readers(kind):
    symbols = learn_sentences(kind, TEXTS, 400)
    shown = [symbols.display(piece) for piece in symbols.split("the man, a")]
    assert "".join(shown).replace("␣", "") == "theman,a"
    assert ("␣" in shown) == (kind == "characters")
    assert all(shown)

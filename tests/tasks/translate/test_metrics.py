"""Translations as text, and their scores."""

import math
import sys
from collections import Counter

import pytest
import torch

from gatewise.cells import GRU
from gatewise.data.tokenizers.sentences import UNKNOWN, SentenceTokenizer
from gatewise.errors import GatewiseError
from gatewise.metrics.text import score
from gatewise.modules.beam_search import Hypothesis
from gatewise.tasks.translate.metrics import translate_texts
from gatewise.tasks.translate.network import EncoderDecoder, Translator

TRUE = ["the cat sat on the mat today", "a dog ran", "it is a long and winding road home"]
PREDICTED = ["the cat sat on a mat today", "a dog ran", "it is the long and winding way to home"]


def bleu(translated, truth, words=str.split):
    """Papineni et al. 2002: the mean of clipped precisions of one to four, times the brevity penalty."""
    logs = 0.0
    for order in range(1, 5):
        hits = total = 0
        for ours, true in zip(translated, truth, strict=True):
            grams = [
                Counter(zip(*(words(one)[place:] for place in range(order)), strict=False))
                for one in (ours, true)
            ]
            hits += sum((grams[0] & grams[1]).values())
            total += sum(grams[0].values())
        logs += math.log(hits / total) / 4
    lengths = [sum(len(words(one)) for one in side) for side in (translated, truth)]
    return 100 * math.exp(logs + min(0.0, 1 - lengths[1] / lengths[0]))


def test_bleu_is_that_of_the_paper():
    found = score(PREDICTED, TRUE)
    assert found["bleu"] == pytest.approx(bleu(PREDICTED, TRUE))
    assert found["exact"] == pytest.approx(1 / 3)
    assert 0 < found["chrf"] < 100
    assert score(TRUE, TRUE) == {"bleu": pytest.approx(100), "chrf": pytest.approx(100), "exact": 1.0}


def test_without_spaces_letters_are_counted():
    translated, truth = ["abcdef", "ghijk"], ["abcxef", "ghijk"]
    assert score(translated, truth)["bleu"] == pytest.approx(bleu(translated, truth, list))


def test_short_texts_can_be_right():
    assert score(["a b", "c"], ["a b", "c"])["bleu"] == pytest.approx(100)
    assert score(["ab", "c"], ["ab", "c"])["bleu"] == pytest.approx(100)
    assert score(["", ""], ["a b", "c"])["bleu"] == 0.0


def test_without_the_library_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(GatewiseError, match=r"scored by sacrebleu, .*: pip install 'gatewise\[text\]'"):
        score(PREDICTED, TRUE)


class Same(Translator):
    """Gives the numbers of the source, attending to the position before each."""

    def translate(self, batch):
        lengths = (batch.lengths - 1).tolist()
        rows = zip(batch.source.tolist(), lengths, strict=True)
        return [Hypothesis(row[:length], 0.0, torch.eye(length + 1)[1:].flip(0)) for row, length in rows]


SYMBOLS = SentenceTokenizer("words", ["one", "two", "three"])


def test_unknown_words_are_replaced_by_those_with_the_highest_attention():
    translated = translate_texts(Same(), ["one Anna two", "Berlin", "", "two one"], SYMBOLS, SYMBOLS)
    assert [one.text for one in translated] == ["one two two", "Berlin", "", "two one"]
    assert translated[0].tokens == ("one", "two", "two")  # the unknown second attends to the third
    assert translated[0].source == ("one", "Anna", "two")
    assert SYMBOLS.encode("Anna") == [UNKNOWN]


def test_texts_are_translated_in_their_order_as_one_by_one():
    network = EncoderDecoder(
        GRU, sources=len(SYMBOLS), targets=len(SYMBOLS), embedding=4, hidden=6, beam=2, dropout=0.5
    )
    with torch.no_grad():
        for one in network.parameters():
            one += 0.5 * torch.randn_like(one)
    texts = [" ".join(["one", "two", "three"] * (row % 4) + ["two"] * (row % 3)) for row in range(150)]
    network.train()
    translated = translate_texts(network, texts, SYMBOLS, SYMBOLS)
    assert network.training
    for row in (0, 1, 70, 149):
        assert translated[row].text == translate_texts(network, [texts[row]], SYMBOLS, SYMBOLS)[0].text
    assert len({one.text for one in translated}) > 2
    assert translate_texts(network, [""], SYMBOLS, SYMBOLS)[0].text == ""

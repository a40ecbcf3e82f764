"""Translations as text, and their scores."""

import math
import sys
from collections import Counter

import pytest
import torch

from gatewise.cells import GRU
from gatewise.data.text.symbols import UNKNOWN, Symbols
from gatewise.errors import GatewiseError
from gatewise.metrics.text import score
from gatewise.modules.beam_search import Hypothesis
from gatewise.tasks.translate.metrics import tell
from gatewise.tasks.translate.network import EncoderDecoder, Translator

TRUE = ["the cat sat on the mat today", "a dog ran", "it is a long and winding road home"]
TOLD = ["the cat sat on a mat today", "a dog ran", "it is the long and winding way to home"]


def bleu(told, truth, words=str.split):
    """Papineni et al. 2002: the mean of clipped precisions of one to four, times the brevity penalty."""
    logs = 0.0
    for order in range(1, 5):
        hits = total = 0
        for ours, true in zip(told, truth, strict=True):
            grams = [
                Counter(zip(*(words(one)[place:] for place in range(order)), strict=False))
                for one in (ours, true)
            ]
            hits += sum((grams[0] & grams[1]).values())
            total += sum(grams[0].values())
        logs += math.log(hits / total) / 4
    lengths = [sum(len(words(one)) for one in side) for side in (told, truth)]
    return 100 * math.exp(logs + min(0.0, 1 - lengths[1] / lengths[0]))


def test_bleu_is_that_of_the_paper():
    found = score(TOLD, TRUE)
    assert found["bleu"] == pytest.approx(bleu(TOLD, TRUE))
    assert found["exact"] == pytest.approx(1 / 3)
    assert 0 < found["chrf"] < 100
    assert score(TRUE, TRUE) == {"bleu": pytest.approx(100), "chrf": pytest.approx(100), "exact": 1.0}


def test_without_spaces_letters_are_counted():
    told, truth = ["abcdef", "ghijk"], ["abcxef", "ghijk"]
    assert score(told, truth)["bleu"] == pytest.approx(bleu(told, truth, list))


def test_short_texts_can_be_right():
    assert score(["a b", "c"], ["a b", "c"])["bleu"] == pytest.approx(100)
    assert score(["ab", "c"], ["ab", "c"])["bleu"] == pytest.approx(100)
    assert score(["", ""], ["a b", "c"])["bleu"] == 0.0


def test_without_the_library_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(GatewiseError, match=r"scored by sacrebleu, .*: pip install 'gatewise\[text\]'"):
        score(TOLD, TRUE)


class Same(Translator):
    """Gives the numbers of the source, having looked at the place before each."""

    def translate(self, batch):
        lengths = (batch.lengths - 1).tolist()
        rows = zip(batch.source.tolist(), lengths, strict=True)
        return [Hypothesis(row[:length], 0.0, torch.eye(length + 1)[1:].flip(0)) for row, length in rows]


SYMBOLS = Symbols("words", ["one", "two", "three"])


def test_unknown_words_are_those_that_were_looked_at():
    told = tell(Same(), ["one Anna two", "Berlin", "", "two one"], SYMBOLS, SYMBOLS)
    assert [one.text for one in told] == ["one two two", "Berlin", "", "two one"]
    assert told[0].pieces == ("one", "two", "two")  # the unknown second looked at the third
    assert told[0].source == ("one", "Anna", "two")
    assert SYMBOLS.encode("Anna") == [UNKNOWN]


def test_texts_are_told_in_their_order_as_one_by_one():
    network = EncoderDecoder(GRU, len(SYMBOLS), len(SYMBOLS), embedding=4, hidden=6, beam=2, dropout=0.5)
    with torch.no_grad():
        for one in network.parameters():
            one += 0.5 * torch.randn_like(one)
    texts = [" ".join(["one", "two", "three"] * (row % 4) + ["two"] * (row % 3)) for row in range(150)]
    network.train()
    told = tell(network, texts, SYMBOLS, SYMBOLS)
    assert network.training
    for row in (0, 1, 70, 149):
        assert told[row].text == tell(network, [texts[row]], SYMBOLS, SYMBOLS)[0].text
    assert len({one.text for one in told}) > 2
    assert tell(network, [""], SYMBOLS, SYMBOLS)[0].text == ""

"""The n-gram: its probabilities are those of the published formula, by plain dictionaries."""

import math
from collections import Counter

import numpy as np
import pytest
import torch

from gatewise.data.splits import Fractions
from gatewise.data.text.streams import TextStreams
from gatewise.data.text.text import StreamConfig, find_texts, read_text
from gatewise.errors import GatewiseError
from gatewise.tasks.generate import baselines as ngram
from gatewise.tasks.generate.baselines import Ngram, count_grams, discounts, longest_order
from gatewise.tasks.generate.network import text_nll
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from tests.texts import words

V = 4
TEXT = np.random.default_rng(0).choice(V - 1, size=300, p=[0.6, 0.3, 0.1])


def kneser_ney(text, order, context, symbol):
    """p(symbol | context) by recursion over dictionaries (Chen and Goodman 1999, equations 24 to 26)."""
    text = [int(one) for one in text]
    grams = {tuple(text[place : place + order]) for place in range(len(text) - order + 1)}
    counts = Counter(tuple(text[place : place + order]) for place in range(len(text) - order + 1))
    for _ in range(order - 1, len(context), -1):  # how many different symbols come before each
        counts = Counter(gram[1:] for gram in grams)
        grams = set(counts)
    having = Counter(counts.values())
    n = [0, *(max(having[k], 1) for k in (1, 2, 3))]
    n.append(max(sum(times for count, times in having.items() if count == 4), 1))
    y = n[1] / (n[1] + 2 * n[2])
    discount = {k: min(max(k - (k + 1) * y * n[k + 1] / n[k], 0.1), k) for k in (1, 2, 3)}
    own = {gram[-1]: count for gram, count in counts.items() if gram[:-1] == tuple(context)}
    below = 1 / V if not context else kneser_ney(text, order, context[1:], symbol)
    if not own:
        return below
    total, count = sum(own.values()), own.get(symbol, 0)
    left = sum(discount[min(one, 3)] for one in own.values()) / total
    return (count - discount[min(count, 3)] if count else 0) / total + left * below


@pytest.mark.parametrize("order", [1, 2, 3])
def test_probabilities_are_those_of_the_formula(order):
    model = Ngram(V, order).counted(np.array_split(TEXT, 7))
    contexts = [[], [0], [2], [0, 1], [2, 2], [1, 3], [0, 0, 1]]
    for context in contexts:
        used = context[max(len(context) - order + 1, 0) :]
        if len(used) < min(len(context), order - 1):
            continue
        expected = [math.log(kneser_ney(TEXT, order, used, symbol)) for symbol in range(V)]
        if context:
            found, _ = model.next(torch.tensor([context]))
            torch.testing.assert_close(found[0], torch.tensor(expected))
            assert found.double().exp().sum().item() == pytest.approx(1)


def test_counts_do_not_depend_on_the_pieces():
    whole = count_grams([TEXT], 3, V)
    for pieces in (np.array_split(TEXT, 100), np.array_split(TEXT, 299), [TEXT[:1], TEXT[1:]]):
        for one, other in zip(count_grams(pieces, 3, V), whole, strict=True):
            assert np.array_equal(one, other)
    plain = Counter(zip(TEXT[:-2], TEXT[1:-1], TEXT[2:], strict=True))
    assert {code: int(count) for code, count in zip(*whole, strict=True)} == {
        (int(a) * V + int(b)) * V + int(c): count for (a, b, c), count in plain.items()
    }


@pytest.mark.parametrize("order", [1, 2, 4])
def test_nats_are_those_of_next_however_a_text_is_cut(order):
    model = Ngram(V, order).counted([TEXT])
    symbols = torch.from_numpy(np.stack([TEXT[:20], TEXT[100:120]]))
    nats, _ = model.nats(symbols)
    expected = []
    for place in range(1, 20):
        logs, _ = model.next(symbols[:, :place])
        expected.append(-logs.gather(1, symbols[:, place : place + 1]))
    torch.testing.assert_close(nats, torch.cat(expected, dim=1))
    state, parts = None, []
    for first, last in ((0, 1), (1, 3), (3, 4), (4, 19)):
        part, state = model.nats(symbols[:, first : last + 1], state)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=1), nats)
    logs, state = model.next(symbols[:, :7])
    torch.testing.assert_close(model.next(symbols[:, 7:9], state)[0], model.next(symbols[:, :9])[0])


def test_discounts_leave_something_where_counts_are_few():
    for counts in ([1], [5, 5, 5], [1, 1, 1, 1], [2], [1, 2, 3, 4, 5]):
        taken = discounts(np.array(counts))
        assert (taken[1:] >= 0.1).all()
        assert (taken <= [0, 1, 2, 3]).all()


def test_codes_fit_into_63_bits():
    for symbols in (2, 66, 256, 5000, 65_536, 2**20):
        order = longest_order(symbols)
        assert symbols**order < 2**63
        assert order == 7 or symbols ** (order + 1) >= 2**62


@pytest.fixture
def split(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(words(6000))
    return read_text(find_texts(path), Fractions(0.2, 0.2), StreamConfig("characters"))


def test_the_order_is_the_best_on_the_validation_set(split, tmp_path, monkeypatch):
    monkeypatch.setattr(ngram, "CHUNK_SIZE", 1000)
    parts = [TextStreams(one, 16) for one in (split.train, split.validation)]
    costs = []
    for order in range(1, 8):
        one = Ngram(len(split.tokenizer), order)
        one.fit(*parts)
        costs.append(text_nll(one, split.validation).per_symbol)
    chosen = Ngram(len(split.tokenizer))
    chosen.fit(*parts)
    assert chosen.order == 1 + int(np.argmin(costs))
    assert 2 <= chosen.order <= 6  # both too short and too long were tried
    save_model(tmp_path / "run", SavedModel("generate", "n-gram", chosen, {}))
    again = load_model(tmp_path / "run").network
    assert text_nll(again, split.test) == text_nll(chosen, split.test)


def test_only_the_end_of_a_long_text_is_counted(split, monkeypatch):
    monkeypatch.setattr(ngram, "MAX_COUNTED", 500)
    parts = [TextStreams(one, 16) for one in (split.train, split.validation)]
    found, expected = Ngram(len(split.tokenizer), 3), Ngram(len(split.tokenizer), 3)
    found.fit(*parts)
    expected.counted([split.train.symbols(len(split.train) - 500, len(split.train))])
    assert torch.equal(found.grams_3, expected.grams_3)


def test_a_text_may_be_too_short():
    with pytest.raises(GatewiseError, match="a text of 2 symbols is too short for n-grams of 5"):
        Ngram(V, 5).counted([np.array([1, 2])])


def test_five_grams_of_shakespeare(real_data):
    """Witten-Bell smoothing is known to come to 1.669 nats a character on the last tenth."""
    path = real_data / "text" / "tinyshakespeare.txt"
    split = read_text(find_texts(path), Fractions(0.0001, 0.1), StreamConfig("characters"))
    model = Ngram(len(split.tokenizer), 5)
    model.fit(TextStreams(split.train, 1), TextStreams(split.validation, 1))
    assert text_nll(model, split.test).per_character == pytest.approx(1.561, abs=0.002)

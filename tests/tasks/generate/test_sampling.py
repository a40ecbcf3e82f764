"""Drawing symbols: by their probabilities, from the likeliest, the same again by seed."""

from itertools import islice

import pytest
import torch

from gatewise.data.tokenizers.streams import Bytes, Characters
from gatewise.tasks.generate.baselines import Ngram
from gatewise.tasks.generate.sampling import SamplingConfig, generate_text, sample

LOGS = torch.tensor([0.05, 0.5, 0.15, 0.3]).log()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (SamplingConfig(), [0.05, 0.5, 0.15, 0.3]),
        (SamplingConfig(temperature=0.5), [0.0025, 0.25, 0.0225, 0.09]),
        (SamplingConfig(temperature=2), [0.05**0.5, 0.5**0.5, 0.15**0.5, 0.3**0.5]),
        (SamplingConfig(temperature=0), [0, 1, 0, 0]),
        (SamplingConfig(temperature=1e-3), [0, 1, 0, 0]),
        (SamplingConfig(temperature=1e-29), [0, 1, 0, 0]),
        (SamplingConfig(temperature=1e-320), [0, 1, 0, 0]),
        (SamplingConfig(top_k=1), [0, 1, 0, 0]),
        (SamplingConfig(top_k=3), [0, 0.5, 0.15, 0.3]),
        (SamplingConfig(top_k=9), [0.05, 0.5, 0.15, 0.3]),
        (SamplingConfig(top_p=0.5), [0, 0.5, 0, 0]),
        (SamplingConfig(top_p=0.51), [0, 0.5, 0, 0.3]),
        (SamplingConfig(top_p=0), [0, 1, 0, 0]),
        (SamplingConfig(top_p=0.9, top_k=2), [0, 0.5, 0, 0.3]),
    ],
)
def test_probabilities(config, expected):
    expected = torch.tensor(expected, dtype=torch.float32)
    torch.testing.assert_close(config.probabilities(LOGS), expected / expected.sum())


@pytest.fixture(scope="module")
def model():
    text = torch.randint(1, 4, (2000,), generator=torch.Generator().manual_seed(0)).numpy()
    text[1::2] = 4  # every other symbol
    return Ngram(6, 3).counted([text])


def drawn(model, count, seed=0, never=None, config=None):
    generator = torch.Generator().manual_seed(seed)
    return list(islice(sample(model, [1, 4], config or SamplingConfig(), generator, never), count))


def test_symbols_are_sampled_from_the_predicted_distribution(model):
    found = drawn(model, 2000)
    for after in ((1, 4), (4, 2)):
        expected = model.next(torch.tensor([after]))[0][0].exp()
        followers = [found[place] for place in range(2, 2000) if tuple(found[place - 2 : place]) == after]
        counts = torch.bincount(torch.tensor(followers), minlength=6)
        torch.testing.assert_close(counts / counts.sum(), expected, atol=0.06, rtol=0)


def test_the_same_seed_draws_the_same(model):
    assert drawn(model, 50, seed=1) == drawn(model, 50, seed=1) != drawn(model, 50, seed=2)


def test_a_symbol_may_be_kept_out(model):
    assert 4 in drawn(model, 50)
    assert 4 not in drawn(model, 200, never=4)
    assert 4 not in drawn(model, 20, never=4, config=SamplingConfig(temperature=0))


def test_the_state_continues(model):
    """Each symbol depends on the one before, which the model alone remembers."""
    assert drawn(model, 6, config=SamplingConfig(temperature=0))[1::2] == [4, 4, 4]


def test_text_is_returned_by_whole_characters():
    symbols = list("日é\n日é\n".encode() * 200)
    model = Ngram(256, 3).counted([torch.tensor(symbols).numpy()])
    pieces = list(
        islice(generate_text(model, Bytes(), "日", SamplingConfig(temperature=0), torch.Generator()), 6)
    )
    assert pieces == ["", "é", "\n", "", "", "日"]


def test_without_a_prime_it_begins_with_a_line_or_with_what_there_is():
    model = Ngram(3, 2).counted([torch.tensor([1, 2] * 50).numpy()])
    config = SamplingConfig(temperature=0)
    assert next(generate_text(model, Characters("\nx"), "", config, torch.Generator())) == "x"
    assert next(generate_text(model, Characters("xy"), "", config, torch.Generator())) == "x"


def test_a_prime_begins_a_line():
    symbols = torch.tensor([1, 2, 3, 2, 2, 4] * 50).numpy()  # after a line break comes another than after b
    model, tokenizer = Ngram(5, 3).counted([symbols]), Characters("\nabc")
    found = generate_text(model, tokenizer, "a", SamplingConfig(temperature=0), torch.Generator())
    assert next(found) == tokenizer.characters[int(model.next(torch.tensor([[1, 2]]))[0].argmax()) - 1] == "b"

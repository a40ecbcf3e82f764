"""Texts without alignment: the loss and both decoders beside all paths, one by one."""

import itertools
import math
from collections import defaultdict

import pytest
import torch

from gatewise.modules.ctc import beam_search, best_path, negative_log_likelihood, steps_needed


def text_of(path):
    """What remains of a path: repeats joined, blanks taken out."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol)


def all_texts(logits):
    """The probability of every text, from all paths over the steps [T, 1 + V]."""
    probabilities = logits.double().softmax(-1)
    found = defaultdict(float)
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        found[text_of(path)] += math.prod(float(probabilities[t, one]) for t, one in enumerate(path))
    return found


def plain_beam(logits, beam):
    """Prefix beam search by a dictionary, a row at a time."""
    probabilities = logits.double().softmax(-1).tolist()
    beams = {(): (1.0, 0.0)}
    for row in probabilities:
        new = defaultdict(lambda: [0.0, 0.0])
        for prefix, (blank, symbol) in beams.items():
            new[prefix][0] += (blank + symbol) * row[0]
            for one, chance in enumerate(row[1:], 1):
                if prefix and prefix[-1] == one:
                    new[prefix][1] += symbol * chance
                    new[(*prefix, one)][1] += blank * chance
                else:
                    new[(*prefix, one)][1] += (blank + symbol) * chance
        beams = dict(sorted(new.items(), key=lambda item: -sum(item[1]))[:beam])
    best = max(beams, key=lambda prefix: sum(beams[prefix]))
    return list(best), math.log(sum(beams[best]))


@pytest.mark.parametrize(("steps", "symbols"), [(1, 1), (4, 2), (5, 3), (6, 2)])
def test_a_wide_beam_finds_the_most_likely_of_all_texts(steps, symbols):
    for sharpness in (0.3, 1.0, 3.0):
        logits = sharpness * torch.randn(5, steps, 1 + symbols)
        found, logs = beam_search(logits, torch.full((5,), steps), beam=400)
        for row, text, log in zip(logits, found, logs, strict=True):
            texts = all_texts(row)
            assert texts[tuple(text)] == pytest.approx(max(texts.values()), rel=1e-9)
            assert log.exp() == pytest.approx(texts[tuple(text)], rel=1e-9)


@pytest.mark.parametrize("beam", [1, 2, 3, 7])
def test_a_narrow_beam_is_the_plain_search(beam):
    logits = 1.5 * torch.randn(12, 20, 4)
    found, logs = beam_search(logits, torch.full((12,), 20), beam)
    for row, text, log in zip(logits, found, logs, strict=True):
        expected, chance = plain_beam(row, beam)
        assert text == expected
        assert log == pytest.approx(chance, rel=1e-9)


def test_no_path_is_lost_or_counted_twice():
    logits = torch.randn(1, 5, 3)
    texts = all_texts(logits[0])
    assert sum(texts.values()) == pytest.approx(1)
    for text, chance in texts.items():
        loss = negative_log_likelihood(
            logits.double(), torch.tensor([5]), torch.tensor([[*text, 1]]), torch.tensor([len(text)])
        )
        assert loss.exp().reciprocal() == pytest.approx(chance, rel=1e-6)


def test_the_likeliest_path_and_the_likeliest_text_can_differ():
    logits = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log().unsqueeze(0)
    lengths = torch.tensor([2])
    assert best_path(logits, lengths) == [[]]
    assert beam_search(logits, lengths)[0] == [[1]]


def test_best_path_of_all_rows():
    logits = torch.randn(20, 9, 4)
    lengths = torch.arange(20) % 10
    for row, length, text in zip(logits, lengths, best_path(logits, lengths), strict=True):
        assert text == list(text_of(row[:length].argmax(-1).tolist()))


def test_what_is_beyond_the_end_changes_nothing():
    logits = torch.randn(3, 8, 4)
    lengths = torch.tensor([8, 3, 0])
    other = logits.clone()
    other[1, 3:], other[2] = 100 * torch.randn(5, 4), 7.0
    targets, sizes = torch.tensor([[1, 2], [3, 3], [1, 1]]), torch.tensor([2, 1, 0])
    for decode in (best_path, lambda *given: beam_search(*given)[0]):
        assert decode(logits, lengths) == decode(other, lengths)
        assert decode(logits[1:2, :3], lengths[1:2]) == decode(logits, lengths)[1:2]
        assert decode(logits, lengths)[2] == []
    torch.testing.assert_close(beam_search(logits, lengths)[1], beam_search(other, lengths)[1])
    torch.testing.assert_close(
        negative_log_likelihood(logits, lengths, targets, sizes),
        negative_log_likelihood(other, lengths, targets, sizes),
    )


def test_a_text_needs_a_blank_between_equal_symbols():
    for text in ([], [1], [1, 1], [1, 2, 2, 2, 1]):
        needed = steps_needed(text)
        for steps, possible in ((needed, True), (needed - 1, False)):
            if steps > 0:
                loss = negative_log_likelihood(
                    torch.randn(1, steps, 3), torch.tensor([steps]),
                    torch.tensor([[*text, 1]]), torch.tensor([len(text)]),
                )  # fmt: skip
                assert torch.isfinite(loss).item() == possible

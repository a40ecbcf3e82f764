"""Beam search: against all sequences there are, a plain search, and the greedy one."""

import itertools
import math

import pytest
import torch

from gatewise.modules.beam_search import beam_search, length_norm

END, SYMBOLS = 3, 4


def logits_of(prefix, row):
    """Some logits for each prefix, the same whenever it is asked for."""
    random = torch.Generator().manual_seed(hash((row, *prefix)) % 2**31)
    return torch.randn(SYMBOLS, generator=random) * 2 - torch.tensor([0.0, 0.0, 0.0, 1.0])


class Prefixes:
    """A model whose state is what it was given: a list of (row, prefix)."""

    def __init__(self):
        self.asked = 0

    def step(self, symbols, state):
        self.asked += len(state)
        state = [(row, (*prefix, int(one))) for (row, prefix), one in zip(state, symbols, strict=True)]
        attention = torch.tensor([[float(row), float(prefix[-1])] for row, prefix in state])
        return torch.stack([logits_of(prefix, row) for row, prefix in state]), state, attention

    def select(self, state, rows):
        return [state[int(row)] for row in rows]


def searched(limits, beam, penalty, model=None):
    model = model or Prefixes()
    state = [(row, ()) for row in range(len(limits))]
    return beam_search(
        model.step, model.select, state, torch.tensor(limits), begin=9, end=END, beam=beam, penalty=penalty
    )


def log_probability(sequence, row):
    total, prefix = 0.0, (9,)
    for one in sequence:
        total += float(logits_of(prefix, row).log_softmax(0)[one])
        prefix = (*prefix, one)
    return total


def plain_search(row, limit, beam, penalty):
    """The same rules, one hypothesis at a time."""
    going, ended, best = [(0.0, ())], 0, None
    for steps in range(1, limit + 1):
        candidates = [
            (score + float(value), (*prefix, symbol))
            for score, prefix in going
            for symbol, value in enumerate(logits_of((9, *prefix), row).log_softmax(0))
        ]
        candidates.sort(reverse=True)
        candidates = candidates[: 2 * beam]
        for score, prefix in candidates[:beam]:
            if prefix[-1] == END:
                ended += 1
                scored = score / length_norm(steps, penalty)
                best = max(best or (-math.inf, ()), (scored, prefix[:-1]))
        going = [one for one in candidates if one[1][-1] != END][:beam]
        hopeless = best is not None and going[0][0] / length_norm(limit, penalty) <= best[0]
        enough = best is not None and going[0][0] / length_norm(steps, penalty) <= best[0] and ended >= beam
        if enough or hopeless:
            break
    return best or (going[0][0] / length_norm(limit, penalty), going[0][1])


@pytest.mark.parametrize("penalty", [0.0, 0.7, 2.0])
def test_a_wide_beam_finds_what_is_best_of_all(penalty):
    limits = [1, 2, 4, 5]
    for row, (limit, found) in enumerate(zip(limits, searched(limits, 200, penalty), strict=True)):
        everything = (
            (*inner, END) for steps in range(limit) for inner in itertools.product(range(END), repeat=steps)
        )
        score, sequence = max(
            (log_probability(one, row) / length_norm(len(one), penalty), one) for one in everything
        )
        assert found.numbers == list(sequence[:-1])
        assert found.score == pytest.approx(score, rel=1e-5)


@pytest.mark.parametrize("beam", [1, 2, 3])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 3.0])
def test_a_batch_finds_what_a_plain_search_finds(beam, penalty):
    limits = [8, 1, 12, 1, 6, 1, 2, *[10] * 30]
    unended = 0
    for row, found in enumerate(searched(limits, beam, penalty)):
        score, numbers = plain_search(row, limits[row], beam, penalty)
        assert found.numbers == list(numbers)
        assert found.score == pytest.approx(score, rel=1e-5)
        unended += len(numbers) == limits[row]
    assert unended > 0  # both ends are met: at the end symbol, and at the limit
    assert unended < len(limits)


def test_a_beam_of_one_is_greedy():
    for row, found in enumerate(searched([6] * 20, 1, 0.0)):
        prefix = (9,)
        while len(prefix) <= 6 and (best := int(logits_of(prefix, row).argmax())) != END:
            prefix = (*prefix, best)
        assert found.numbers == list(prefix[1:])


@pytest.mark.parametrize("beam", [1, 3])
def test_attention_belongs_to_the_symbols(beam):
    for row, found in enumerate(searched([7] * 10, beam, 0.5)):
        seen = [9, *found.numbers][: len(found.attention)]
        assert found.attention.tolist() == [[row, one] for one in seen]
        assert len(found.attention) - len(found.numbers) in (0, 1)  # one more if the end was predicted


def test_finished_hypotheses_are_not_extended():
    model, alone = Prefixes(), []
    searched([2, 30], 2, 0.0, model)
    for limits in ([2], [1, 30]):  # the second row by itself, behind one that ends at once
        one = Prefixes()
        searched(limits, 2, 0.0, one)
        alone.append(one.asked)
    assert model.asked == alone[0] + alone[1] - 2


def test_ends_of_next_to_no_probability_do_not_end_the_search():
    """A model that is sure of five symbols and then of the end: `END` is its second choice all along."""

    def step(symbols, state):
        sure = torch.where(state == 5, END, 0)
        logits = torch.tensor([0.0, -30.0, -30.0, -9.0]).repeat(len(state), 1)
        logits[torch.arange(len(state)), sure] = 9.0
        return logits, state + 1, None

    found = beam_search(
        step, lambda state, rows: state[rows], torch.zeros(1, dtype=torch.long), torch.tensor([9]), begin=9,
        end=END, beam=2, penalty=1.0,
    )  # fmt: skip
    assert found[0].numbers == [0] * 5

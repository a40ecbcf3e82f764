"""Summaries of sequences beside plain loops."""

import pytest
import torch

from gatewise.modules.pooling import Pooling

LENGTHS = torch.tensor([5, 1, 3])


def expected(pooling, hiddens):
    """The summary of one sequence [T, H] without padding."""
    half = hiddens.shape[1] // 2
    if pooling.mode == "last":
        return torch.cat([hiddens[-1, :half], hiddens[0, half:]]) if pooling.bidirectional else hiddens[-1]
    if pooling.mode == "mean":
        return sum(hiddens) / len(hiddens)
    if pooling.mode == "max":
        return torch.tensor([max(unit) for unit in hiddens.T.tolist()])
    first, _, second = pooling.score
    scores = [second.weight[0] @ torch.tanh(first.weight @ one + first.bias) for one in hiddens]
    weights = torch.stack(scores).exp()
    return sum(weight * one for weight, one in zip(weights / weights.sum(), hiddens, strict=True))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("mode", ["last", "mean", "max", "attention"])
def test_a_summary_is_that_of_the_sequence_alone(mode, bidirectional):
    pooling = Pooling(mode, width=4, bidirectional=bidirectional)
    hiddens = torch.randn(3, 5, 4) - 3  # below zero, as what lies behind an end must not be
    found = pooling(hiddens, LENGTHS)
    for row, length in enumerate(LENGTHS):
        torch.testing.assert_close(found[row], expected(pooling, hiddens[row, :length]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["mean", "attention"])
def test_what_lies_behind_the_end_has_no_weight(mode):
    weights = Pooling(mode, width=4).weights(torch.randn(3, 5, 4), LENGTHS)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert ((weights > 0).sum(1) == LENGTHS).all()

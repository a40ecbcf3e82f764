"""The order of steps in sequences of different lengths."""

import torch

from gatewise.engine.sequences import backwards, resets_backwards, within


def test_within():
    assert within(torch.tensor([2, 0, 3]), 3).T.tolist() == [[1, 1, 0], [0, 0, 0], [1, 1, 1]]


def test_backwards_twice_is_nothing():
    values = torch.randn(5, 4, 3)
    lengths = torch.tensor([5, 0, 1, 3])
    assert torch.equal(backwards(backwards(values, lengths), lengths), values)
    assert torch.equal(backwards(values, None), values.flip(0))


def test_a_border_before_a_step_lies_behind_it_on_the_way_back():
    resets = torch.tensor([[0, 1, 0, 0, 1]]).bool().T
    assert resets_backwards(resets, None)[:, 0].tolist() == [False, True, False, False, True]
    shorter = resets_backwards(resets, torch.tensor([4]))[:, 0]
    assert shorter.tolist()[:4] == [False, False, False, True]

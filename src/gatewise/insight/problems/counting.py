"""Strings that only a counter predicts: a^n b^n and a^n b^n c^n (Gers and Schmidhuber 2001)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from gatewise.insight.problems.batch import StepProblem


def counted_strings(letters: int, counts: Sequence[int]) -> StepProblem:
    """S, then n times each letter, then T, for each n of `counts`; the targets are all that may follow.

    The symbols are the letters, S, which is read first, and T, which is predicted last. After a, both a and b
    may follow; everything else is determined by n.

    letters: 2 for a^n b^n, 3 for a^n b^n c^n

    >>> strings = counted_strings(2, [1, 3])
    >>> strings.inputs.shape, strings.counted.sum(0)
    (torch.Size([7, 2, 4]), tensor([3, 7]))
    """
    start, end, size = letters, letters + 1, letters + 2
    inputs, targets = [], []
    for count in counts:
        symbols = [start, *(letter for letter in range(letters) for _ in range(count))]
        follows = functional.one_hot(torch.tensor([*symbols[1:], end]), size).float()
        follows[1 : count + 1, :2] = 1  # while it reads a
        inputs.append(functional.one_hot(torch.tensor(symbols), size).float())
        targets.append(follows)
    counted = pad_sequence([torch.ones(len(one), dtype=torch.bool) for one in inputs])
    return StepProblem(pad_sequence(inputs), pad_sequence(targets), counted)

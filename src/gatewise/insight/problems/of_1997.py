"""The problems of Hochreiter and Schmidhuber (1997), Long short-term memory, as published.

Each function draws a batch of sequences of random length, whose target is at the end. The embedded Reber
grammar is in `gatewise.insight.problems.reber`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.insight.problems.batch import Problem

ORDER_BEGIN, ORDER_END, ORDER_NOISE, ORDER_SYMBOLS = 6, 7, 4, 2  # X and Y are the symbols 0 and 1
SECOND_AND_THIRD = {2: ((10, 50), 100), 3: ((10, 33, 66), 100)}  # the first positions, and the length


def adding(length: int, rows: int, random: torch.Generator) -> Problem:
    """Experiment 4: two of the numbers in -1..1 are marked; the target is 0.5 + (X1 + X2) / 4.

    The sequences have `length` to 1.1 `length` steps. One of the first ten numbers is marked, and one of the
    first `length` / 2 - 1 others; the marker of the first and the last step is -1. A prediction is correct if
    its error is below 0.04.

    >>> adding(100, 3, torch.Generator().manual_seed(0)).targets.shape
    torch.Size([3, 1])
    """
    inputs, first, second, lengths = _marked(length, rows, random, lowest=-1.0, first_value=0.0)
    return Problem(inputs, 0.5 + (first + second)[:, None] / 4, 0, lengths)


def multiplication(length: int, rows: int, random: torch.Generator) -> Problem:
    """Experiment 5: as `adding`, with numbers in 0..1; the target is the product X1 X2.

    >>> multiplication(100, 3, torch.Generator().manual_seed(0)).inputs.shape[2]
    2
    """
    inputs, first, second, lengths = _marked(length, rows, random, lowest=0.0, first_value=1.0)
    return Problem(inputs, (first * second)[:, None], 0, lengths)


def temporal_order(symbols: int, rows: int, random: torch.Generator) -> Problem:
    """Experiments 6a and 6b: X or Y occurs at two or three positions; the target is their order.

    The sequences have 100 to 110 steps: E, symbols among a, b, c, d, and B at the end. X or Y occurs at
    10-20 and 50-60, or at 10-20, 33-43 and 66-76. A prediction is correct if the error of each of the 4 or 8
    outputs is below 0.3.

    symbols: 2 for experiment 6a, 3 for 6b

    >>> temporal_order(3, 5, torch.Generator().manual_seed(0)).classes
    8
    """
    positions, shortest = SECOND_AND_THIRD[symbols]
    lengths = shortest + torch.randint(11, (rows,), generator=random)
    sequences = ORDER_SYMBOLS + torch.randint(ORDER_NOISE, (int(lengths.max()), rows), generator=random)
    row = torch.arange(rows)
    sequences[0], sequences[lengths - 1, row] = ORDER_BEGIN, ORDER_END
    which = torch.randint(ORDER_SYMBOLS, (symbols, rows), generator=random)
    for number, earliest in enumerate(positions):
        sequences[earliest + torch.randint(11, (rows,), generator=random), row] = which[number]
    target = sum(which[number] * ORDER_SYMBOLS ** (symbols - 1 - number) for number in range(symbols))
    inputs = functional.one_hot(sequences, ORDER_END + 1).float()
    return Problem(inputs, torch.as_tensor(target)[:, None], ORDER_SYMBOLS**symbols, lengths)


def random_between(lag: int, rows: int, random: torch.Generator) -> Problem:
    """Experiment 2b: x or y, then `lag` - 1 symbols among as many others; the target is the first symbol.

    In the paper, every next symbol is a target; only the last one can be predicted.

    >>> random_between(100, 3, torch.Generator().manual_seed(0)).inputs.shape
    torch.Size([100, 3, 101])
    """
    which = torch.randint(2, (rows,), generator=random)
    others = 2 + torch.randint(lag - 1, (lag - 1, rows), generator=random)
    sequences = torch.cat([which[None], others])
    return Problem(functional.one_hot(sequences, lag + 1).float(), which[:, None], 2)


def long_lag(lag: int, distractors: int, rows: int, random: torch.Generator) -> Problem:
    """Experiment 2c: b, x or y, distractors, and e; the target, after e, is the second symbol.

    At least `lag` distractors occur; after those, each step is e with a probability of 1/10.
    A prediction is correct if the error of both outputs is below 0.2.

    >>> long_lag(50, 40, 3, torch.Generator().manual_seed(0)).inputs.shape[2]
    44
    """
    which = torch.randint(2, (rows,), generator=random)
    extra = torch.empty(rows).geometric_(0.1, generator=random).long() - 1
    lengths = lag + extra + 3
    sequences = torch.randint(distractors, (int(lengths.max()), rows), generator=random)
    begin = distractors + 2
    sequences[0], sequences[1] = begin, distractors + which
    sequences[lengths - 1, torch.arange(rows)] = begin + 1
    return Problem(functional.one_hot(sequences, distractors + 4).float(), which[:, None], 2, lengths)


def noisy_classes(length: int, informative: int, rows: int, random: torch.Generator) -> Problem:
    """Experiment 3a: the first elements are 1 or -1, the class; the others are noise of variance 0.2.

    The target is 1 for class 1 and 0 for class 2. A prediction is correct if its error is below 0.2.

    >>> noisy_classes(100, 3, 5, torch.Generator().manual_seed(0)).inputs.shape[2]
    1
    """
    lengths = length + torch.randint(length // 10 + 1, (rows,), generator=random)
    values = 0.2**0.5 * torch.randn(int(lengths.max()), rows, generator=random)
    which = torch.randint(2, (rows,), generator=random).float()
    values[:informative] = 2 * which - 1
    return Problem(values[..., None], which[:, None], 0, lengths)


def _marked(
    length: int, rows: int, random: torch.Generator, lowest: float, first_value: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Numbers with markers, the two marked ones, and the lengths.

    first_value: in place of the marked number, if that is the first of the sequence
    """
    lengths = length + torch.randint(length // 10 + 1, (rows,), generator=random)
    values = lowest + (1 - lowest) * torch.rand(int(lengths.max()), rows, generator=random)
    markers, row = torch.zeros_like(values), torch.arange(rows)
    first = torch.randint(10, (rows,), generator=random)
    second = torch.randint(length // 2 - 1, (rows,), generator=random)
    second = second + (second >= first)  # among the unmarked
    markers[0], markers[lengths - 1, row] = -1, -1
    markers[first, row], markers[second, row] = 1, 1
    one, other = (torch.where(place > 0, values[place, row], first_value) for place in (first, second))
    return torch.stack([values, markers], dim=-1), one, other, lengths

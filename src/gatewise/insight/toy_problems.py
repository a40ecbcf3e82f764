"""Teaching data: made sequences in which something long ago decides, by as many steps as one likes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

SYMBOLS, NOISE = 2, 4  # that matter, and that do not
COPIED = 3


class ToyProblem(NamedTuple):
    """inputs: [T, B, I]; answers: [B, N] class numbers, or [B, 1] real where `classes` is 0."""

    inputs: Tensor
    answers: Tensor
    classes: int


def temporal_order(lag: int, rows: int, random: torch.Generator) -> ToyProblem:
    """X or Y stands at two places among noise; the answer is which came first and which second.

    The first stands in the first tenth, the second around the middle, and `lag` is the steps from the first
    to the end (Hochreiter and Schmidhuber 1997, experiment 6a).

    >>> lesson = temporal_order(20, 3, torch.Generator().manual_seed(0))
    >>> lesson.inputs.shape, lesson.answers.shape, lesson.classes
    (torch.Size([22, 3, 6]), torch.Size([3, 1]), 4)
    """
    steps = lag + max(lag // 10, 1)
    symbols = SYMBOLS + torch.randint(NOISE, (steps, rows), generator=random)
    which = torch.randint(SYMBOLS, (2, rows), generator=random)
    early, late = steps - lag, max(steps // 10, 1)
    first = torch.randint(early, (rows,), generator=random)
    second = steps // 2 + torch.randint(late, (rows,), generator=random)
    places = torch.arange(rows)
    symbols[first, places], symbols[second, places] = which[0], which[1]
    inputs = functional.one_hot(symbols, SYMBOLS + NOISE).float()
    return ToyProblem(inputs, (which[0] * SYMBOLS + which[1])[:, None], SYMBOLS**2)


def adding(lag: int, rows: int, random: torch.Generator) -> ToyProblem:
    """Two of the numbers are marked; the answer is their sum, of values in 0..1 (Le, Jaitly, Hinton 2015).

    The first mark stands in the first tenth, the second in the second half; a mean squared error of 1/6 is
    that of always saying 1.

    >>> adding(20, 3, torch.Generator().manual_seed(0)).inputs.shape
    torch.Size([22, 3, 2])
    """
    steps = lag + max(lag // 10, 1)
    values = torch.rand(steps, rows, generator=random)
    marks, places = torch.zeros(steps, rows), torch.arange(rows)
    first = torch.randint(steps - lag, (rows,), generator=random)
    second = torch.randint(steps // 2, steps, (rows,), generator=random)
    marks[first, places] = marks[second, places] = 1
    answers = values[first, places] + values[second, places]
    return ToyProblem(torch.stack([values, marks], dim=-1), answers[:, None], 0)


def copying(lag: int, rows: int, random: torch.Generator) -> ToyProblem:
    """Three symbols of four, then `lag` blanks; the answer is the three (after Hochreiter, Schmidhuber 1997).

    >>> copying(20, 3, torch.Generator().manual_seed(0)).answers.shape
    torch.Size([3, 3])
    """
    symbols = torch.randint(NOISE, (COPIED, rows), generator=random)
    blanks = torch.full((lag, rows), NOISE)
    inputs = functional.one_hot(torch.cat([symbols, blanks]), NOISE + 1).float()
    return ToyProblem(inputs, symbols.T, NOISE)


TOY_PROBLEMS: dict[str, Callable[[int, int, torch.Generator], ToyProblem]] = {
    "order": temporal_order,
    "adding": adding,
    "copying": copying,
}

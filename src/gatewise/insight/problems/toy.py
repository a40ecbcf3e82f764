"""Toy problems: synthetic sequences whose target depends on inputs a given number of steps back."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.insight.problems.batch import Problem

SYMBOLS, NOISE = 2, 4  # the symbols that decide the target, and the distractors
COPIED = 3
RECALLED = 8  # the symbols among which each item to recall is drawn


def temporal_order(lag: int, rows: int, random: torch.Generator) -> Problem:
    """X or Y occurs at two positions among distractors; the target is which came first and which second.

    The first occurs in the first tenth, the second around the middle; `lag` is the number of steps from the
    first to the end (Hochreiter and Schmidhuber 1997, experiment 6a).

    >>> problem = temporal_order(20, 3, torch.Generator().manual_seed(0))
    >>> problem.inputs.shape, problem.targets.shape, problem.classes
    (torch.Size([22, 3, 6]), torch.Size([3, 1]), 4)
    """
    steps = lag + max(lag // 10, 1)
    symbols = SYMBOLS + torch.randint(NOISE, (steps, rows), generator=random)
    which = torch.randint(SYMBOLS, (2, rows), generator=random)
    early, late = steps - lag, max(steps // 10, 1)
    first = torch.randint(early, (rows,), generator=random)
    second = steps // 2 + torch.randint(late, (rows,), generator=random)
    row = torch.arange(rows)
    symbols[first, row], symbols[second, row] = which[0], which[1]
    inputs = functional.one_hot(symbols, SYMBOLS + NOISE).float()
    return Problem(inputs, (which[0] * SYMBOLS + which[1])[:, None], SYMBOLS**2)


def adding(lag: int, rows: int, random: torch.Generator) -> Problem:
    """Two of the numbers in 0..1 are marked; the target is their sum (Le, Jaitly and Hinton 2015).

    The first mark is in the first tenth, the second in the second half. Predicting 1 always has a mean
    squared error of 1/6.

    >>> adding(20, 3, torch.Generator().manual_seed(0)).inputs.shape
    torch.Size([22, 3, 2])
    """
    inputs, first, second = _marked(lag, rows, random)
    return Problem(inputs, (first + second)[:, None], 0)


def multiplication(lag: int, rows: int, random: torch.Generator) -> Problem:
    """Two of the numbers in 0..1 are marked; the target is their product.

    The marks are placed as those of `adding` (compare Hochreiter and Schmidhuber 1997, experiment 5).

    >>> multiplication(20, 3, torch.Generator().manual_seed(0)).targets.shape
    torch.Size([3, 1])
    """
    inputs, first, second = _marked(lag, rows, random)
    return Problem(inputs, (first * second)[:, None], 0)


def copying(lag: int, rows: int, random: torch.Generator) -> Problem:
    """Three symbols of four, then `lag` blanks; the targets are the three (Hochreiter, Schmidhuber 1997).

    >>> copying(20, 3, torch.Generator().manual_seed(0)).targets.shape
    torch.Size([3, 3])
    """
    symbols = torch.randint(NOISE, (COPIED, rows), generator=random)
    blanks = torch.full((lag, rows), NOISE)
    inputs = functional.one_hot(torch.cat([symbols, blanks]), NOISE + 1).float()
    return Problem(inputs, symbols.T, NOISE)


def recall(items: int, lag: int, rows: int, random: torch.Generator) -> Problem:
    """Symbols of eight, then distractors of four other symbols; the targets are the first symbols.

    items, lag: the number of symbols, and of distractors

    >>> recall(5, 20, 3, torch.Generator().manual_seed(0)).inputs.shape
    torch.Size([25, 3, 12])
    """
    symbols = torch.randint(RECALLED, (items, rows), generator=random)
    distractors = RECALLED + torch.randint(NOISE, (lag, rows), generator=random)
    inputs = functional.one_hot(torch.cat([symbols, distractors]), RECALLED + NOISE).float()
    return Problem(inputs, symbols.T, RECALLED)


TOY_PROBLEMS: dict[str, Callable[[int, int, torch.Generator], Problem]] = {
    "order": temporal_order,
    "adding": adding,
    "multiplication": multiplication,
    "copying": copying,
}


def _marked(lag: int, rows: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Numbers with marks [T, B, 2], and the two that are marked."""
    steps = lag + max(lag // 10, 1)
    values = torch.rand(steps, rows, generator=random)
    marks, row = torch.zeros(steps, rows), torch.arange(rows)
    first = torch.randint(steps - lag, (rows,), generator=random)
    second = torch.randint(steps // 2, steps, (rows,), generator=random)
    marks[first, row] = marks[second, row] = 1
    return torch.stack([values, marks], dim=-1), values[first, row], values[second, row]

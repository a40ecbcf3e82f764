"""Copy memory and selective copying."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from gatewise.insight.problems.batch import StepProblem

COPIED, LETTERS = 10, 8
BLANK, MARK = 8, 9


def copy_memory(lag: int, rows: int, random: torch.Generator) -> StepProblem:
    """Ten symbols of eight, `lag` - 1 blanks, a mark and ten blanks; the ten are to be repeated at the end.

    The target at the other steps is a blank. The sequence has `lag` + 20 steps. Hochreiter and Schmidhuber
    1997, in the form of Arjovsky, Shah and Bengio 2016.

    >>> copy_memory(30, 3, torch.Generator().manual_seed(0)).inputs.shape
    torch.Size([50, 3, 10])
    """
    symbols = torch.randint(LETTERS, (COPIED, rows), generator=random)
    blanks = torch.full((lag - 1, rows), BLANK)
    mark = torch.full((1, rows), MARK)
    return _copied(torch.cat([symbols, blanks, mark]), symbols)


def selective_copying(lag: int, rows: int, random: torch.Generator) -> StepProblem:
    """As `copy_memory`, with the ten symbols at random places of the `lag` + 9 steps before the mark.

    Jing et al. 2019, Gated orthogonal recurrent units.

    >>> selective_copying(30, 3, torch.Generator().manual_seed(0)).inputs.shape
    torch.Size([50, 3, 10])
    """
    symbols = torch.randint(LETTERS, (COPIED, rows), generator=random)
    places = torch.rand(lag + COPIED - 1, rows, generator=random).argsort(0)[:COPIED].sort(0).values
    given = torch.full((lag + COPIED - 1, rows), BLANK).scatter(0, places, symbols)
    return _copied(torch.cat([given, torch.full((1, rows), MARK)]), symbols)


def memoryless_loss(lag: int) -> float:
    """The cross-entropy per step of a guess of the ten symbols, 10 ln 8 / (lag + 20).

    >>> round(memoryless_loss(100), 4)
    0.1733
    """
    return COPIED * math.log(LETTERS) / (lag + 2 * COPIED)


def _copied(given: torch.Tensor, symbols: torch.Tensor) -> StepProblem:
    """The given symbols, then blanks; the targets are blanks, then the symbols."""
    rows = given.shape[1]
    inputs = torch.cat([given, torch.full((COPIED, rows), BLANK)])
    targets = torch.cat([torch.full((len(given), rows), BLANK), symbols])
    return StepProblem(
        functional.one_hot(inputs, MARK + 1).float(),
        functional.one_hot(targets, MARK + 1).float(),
        torch.ones(inputs.shape, dtype=torch.bool),
    )

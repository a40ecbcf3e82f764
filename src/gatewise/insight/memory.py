"""How much a layer remembers: the recall of observations after a lag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from gatewise.cells.base import CellType
from gatewise.insight.learner import TEST_ROWS, UNITS, new_learner, train
from gatewise.insight.problems.batch import Problem
from gatewise.insight.problems.toy import RECALLED, recall

CHANCE = 1 / RECALLED
LONGEST_TRAINED_LAG = 20
RATE = 0.01


@dataclass(frozen=True)
class Recall:
    """The fraction of items that a layer recalls after a lag, of sequences not trained on; 1/8 by chance."""

    cell: CellType
    items: int
    lag: int
    accuracy: float


def remember(
    cell: CellType,
    items: int,
    lags: Sequence[int],
    steps: int,
    units: int = UNITS,
    seed: int = 0,
    show: Callable[[float], None] = lambda fraction: None,
) -> list[Recall]:
    """Trains a layer to recall all of several items after lags of 1 to 20 steps, and tests it at any lags.

    Args:
        items: the number of symbols to recall, each one of 8
        lags: in steps
        steps: the number of batches, each with one lag
        units: the size of the layer
        show: called with the fraction of the batches that is done

    Returns: a result for each lag.

    >>> from gatewise.cells import LSTM
    >>> [one.lag for one in remember(LSTM, items=2, lags=[3, 60], steps=2)]
    [3, 60]
    """
    random = torch.Generator().manual_seed(seed)

    def draw(rows: int) -> Problem:
        lag = 1 + int(torch.randint(LONGEST_TRAINED_LAG, (), generator=random))
        return recall(items, lag, rows, random)

    learner = new_learner(cell, draw(1), units, seed)
    for done in train(learner, draw, steps, RATE, falls=True):
        show(done / steps)
    unseen = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        accuracies = [learner.accuracy(recall(items, lag, TEST_ROWS, unseen)) for lag in lags]
    return [Recall(cell, items, lag, accuracy) for lag, accuracy in zip(lags, accuracies, strict=True)]

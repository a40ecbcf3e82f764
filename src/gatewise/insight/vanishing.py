"""Across how many steps cells can learn: problems with an increasing lag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from gatewise.cells.base import CellType
from gatewise.insight.gradient import gradient_flow
from gatewise.insight.learner import TEST_ROWS, new_learner, train
from gatewise.insight.problems.toy import TOY_PROBLEMS

TEST_EVERY, SOLVED = 50, 0.98  # the accuracy at which a problem counts as solved


@dataclass(frozen=True)
class Outcome:
    """The result of training one cell at one lag.

    accuracy: on sequences not trained on; steps: the batches trained on
    gradient: [T], the norm of the loss's gradient with respect to the hidden state by lag, before training
    """

    cell: CellType
    lag: int
    accuracy: float
    steps: int
    gradient: np.ndarray


def learn(
    cell: CellType,
    problem: str,
    lag: int,
    steps: int,
    seed: int = 0,
    show: Callable[[float], None] = lambda fraction: None,
) -> Outcome:
    """Trains a cell on a problem until it is solved, or for `steps` batches.

    >>> from gatewise.cells import LSTM
    >>> learn(LSTM, "order", lag=5, steps=3).lag
    5
    """
    make, random = TOY_PROBLEMS[problem], torch.Generator().manual_seed(seed)
    test = make(lag, TEST_ROWS, torch.Generator().manual_seed(seed + 1))
    learner = new_learner(cell, test, seed=seed)
    flow = gradient_flow(learner, lambda: learner.loss(test))[0]
    accuracy, done = 0.0, 0
    for done in train(learner, lambda rows: make(lag, rows, random), steps):
        show(done / steps)
        if done % TEST_EVERY == 0 or done == steps:
            with torch.no_grad():
                accuracy = learner.accuracy(test)
            if accuracy >= SOLVED:
                break
    return Outcome(cell, lag, accuracy, done, flow.norms[cell.state[0]].cpu().numpy())

"""Across how many steps cells can learn: toy problems with an increasing lag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.insight.gradient import gradient_flow
from gatewise.insight.toy_problems import TOY_PROBLEMS, ToyProblem
from gatewise.layers import Recurrent

HIDDEN, ROWS, RATE, CLIP = 32, 64, 3e-3, 1.0
TEST_ROWS, TEST_EVERY = 512, 50
TOLERANCE, SOLVED = 0.1, 0.98  # of a sum; the accuracy at which a problem counts as solved


class Learner(nn.Module):
    """One layer of a cell, and a linear readout of its last hidden state."""

    def __init__(self, cell: CellType, problem: ToyProblem) -> None:
        super().__init__()
        self.recurrent = Recurrent(cell, problem.inputs.shape[-1], HIDDEN)
        self.out = nn.Linear(HIDDEN, problem.targets.shape[1] * max(problem.classes, 1))

    def forward(self, problem: ToyProblem) -> Tensor:
        """[B, N, classes], or [B, N] real."""
        output = self.out(self.recurrent(problem.inputs)[0][-1])
        return output.unflatten(1, (-1, problem.classes)) if problem.classes else output

    def loss(self, problem: ToyProblem) -> Tensor:
        """The cross-entropy, or the squared error."""
        output = self(problem)
        if problem.classes:
            return functional.cross_entropy(output.flatten(0, 1), problem.targets.flatten())
        return functional.mse_loss(output, problem.targets)

    def accuracy(self, problem: ToyProblem) -> float:
        """The fraction of correct predictions; numbers are correct within 0.1."""
        output = self(problem)
        if problem.classes:
            correct = output.argmax(-1) == problem.targets
        else:
            correct = (output - problem.targets).abs() < TOLERANCE
        return float(correct.float().mean())


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
    """Trains a cell on a toy problem until it is solved, or for `steps` batches.

    >>> from gatewise.cells import LSTM
    >>> learn(LSTM, "order", lag=5, steps=3).lag
    5
    """
    make, random = TOY_PROBLEMS[problem], torch.Generator().manual_seed(seed)
    tested = make(lag, TEST_ROWS, torch.Generator().manual_seed(seed + 1))
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        learner = Learner(cell, tested)
    flow = gradient_flow(learner, lambda: learner.loss(tested))[0]
    optimizer = torch.optim.Adam(learner.parameters(), RATE)
    accuracy, done = 0.0, 0
    for done in range(1, steps + 1):
        optimizer.zero_grad()
        learner.loss(make(lag, ROWS, random)).backward()
        nn.utils.clip_grad_norm_(learner.parameters(), CLIP)
        optimizer.step()
        show(done / steps)
        if done % TEST_EVERY == 0 or done == steps:
            with torch.no_grad():
                accuracy = learner.accuracy(tested)
            if accuracy >= SOLVED:
                break
    return Outcome(cell, lag, accuracy, done, flow.norms[cell.state[0]].cpu().numpy())

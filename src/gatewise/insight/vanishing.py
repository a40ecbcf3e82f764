"""Who learns across how many steps: cells on made lessons whose lag grows."""

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
TESTED, EVERY = 512, 50
CLOSE, SOLVED = 0.1, 0.98  # a sum is right within 0.1; who is nearly always right has learned


class Learner(nn.Module):
    """One layer of a cell, and a readout of its last hidden."""

    def __init__(self, cell: CellType, lesson: ToyProblem) -> None:
        super().__init__()
        self.recurrent = Recurrent(cell, lesson.inputs.shape[-1], HIDDEN)
        self.out = nn.Linear(HIDDEN, lesson.answers.shape[1] * max(lesson.classes, 1))

    def forward(self, lesson: ToyProblem) -> Tensor:
        """[B, N, classes], or [B, N] real."""
        said = self.out(self.recurrent(lesson.inputs)[0][-1])
        return said.unflatten(1, (-1, lesson.classes)) if lesson.classes else said

    def loss(self, lesson: ToyProblem) -> Tensor:
        """The cross-entropy, or the squared error."""
        said = self(lesson)
        if lesson.classes:
            return functional.cross_entropy(said.flatten(0, 1), lesson.answers.flatten())
        return functional.mse_loss(said, lesson.answers)

    def right(self, lesson: ToyProblem) -> float:
        """The share of the answers that are right, or close enough."""
        said = self(lesson)
        hits = said.argmax(-1) == lesson.answers if lesson.classes else (said - lesson.answers).abs() < CLOSE
        return float(hits.float().mean())


@dataclass(frozen=True)
class Outcome:
    """What a cell came to at a lag: the share of right answers on lessons it has not seen, after `steps`
    batches; gradient: [T], before any training, the norm of the loss's by the hidden of each lag."""

    cell: CellType
    lag: int
    right: float
    steps: int
    gradient: np.ndarray


def learn(
    cell: CellType,
    lesson: str,
    lag: int,
    steps: int,
    seed: int = 0,
    show: Callable[[float], None] = lambda share: None,
) -> Outcome:
    """Trains a cell on a lesson until it is solved, or for so many batches; all cells start alike.

    >>> from gatewise.cells import LSTM
    >>> learn(LSTM, "order", lag=5, steps=3).lag
    5
    """
    make, random = TOY_PROBLEMS[lesson], torch.Generator().manual_seed(seed)
    tested = make(lag, TESTED, torch.Generator().manual_seed(seed + 1))
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        learner = Learner(cell, tested)
    flow = gradient_flow(learner, lambda: learner.loss(tested))[0]
    optimizer = torch.optim.Adam(learner.parameters(), RATE)
    right, done = 0.0, 0
    for done in range(1, steps + 1):
        optimizer.zero_grad()
        learner.loss(make(lag, ROWS, random)).backward()
        nn.utils.clip_grad_norm_(learner.parameters(), CLIP)
        optimizer.step()
        show(done / steps)
        if done % EVERY == 0 or done == steps:
            with torch.no_grad():
                right = learner.right(tested)
            if right >= SOLVED:
                break
    return Outcome(cell, lag, right, done, flow.norms[cell.state[0]].cpu().numpy())

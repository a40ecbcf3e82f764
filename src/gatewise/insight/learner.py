"""One layer of a cell that is trained on a synthetic problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.insight.problems.batch import Problem
from gatewise.layers import Recurrent

UNITS, ROWS, RATE, CLIP = 32, 64, 3e-3, 1.0
TEST_ROWS = 512
TOLERANCE = 0.1  # the largest error of a correct number


class Learner(nn.Module):
    """One layer of a cell, and a linear readout of its last hidden state; all sequences have one length."""

    recurrent: Recurrent
    out: nn.Linear

    def __init__(self, cell: CellType, problem: Problem, units: int = UNITS) -> None:
        super().__init__()
        self.recurrent = Recurrent(cell, problem.inputs.shape[-1], units)
        self.out = nn.Linear(units, problem.targets.shape[1] * max(problem.classes, 1))

    def forward(self, problem: Problem) -> Tensor:
        """[B, N, classes], or [B, N] real."""
        output = self.out(self.recurrent(problem.inputs)[0][-1])
        return output.unflatten(1, (-1, problem.classes)) if problem.classes else output

    def loss(self, problem: Problem) -> Tensor:
        """The cross-entropy, or the squared error."""
        output = self(problem)
        if problem.classes:
            return functional.cross_entropy(output.flatten(0, 1), problem.targets.flatten())
        return functional.mse_loss(output, problem.targets)

    def accuracy(self, problem: Problem) -> float:
        """The fraction of correct predictions; numbers are correct within 0.1."""
        output = self(problem)
        if problem.classes:
            correct = output.argmax(-1) == problem.targets
        else:
            correct = (output - problem.targets).abs() < TOLERANCE
        return float(correct.float().mean())


def new_learner(cell: CellType, problem: Problem, units: int = UNITS, seed: int = 0) -> Learner:
    """A learner whose parameters depend on the seed alone; PyTorch's own generator is unchanged."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return Learner(cell, problem, units)


def train(
    learner: Learner, draw: Callable[[int], Problem], steps: int, rate: float = RATE, falls: bool = False
) -> Iterator[int]:
    """Trains a learner by Adam, a batch at a time, and yields the number of batches after each.

    draw: returns a new batch with a number of sequences
    falls: whether the learning rate falls to 0, linearly, over the second half of the steps
    """
    optimizer = torch.optim.Adam(learner.parameters(), rate)
    for number in range(1, steps + 1):
        if falls:
            optimizer.param_groups[0]["lr"] = rate * min(1.0, 2 - 2 * (number - 1) / steps)
        optimizer.zero_grad()
        learner.loss(draw(ROWS)).backward()
        nn.utils.clip_grad_norm_(learner.parameters(), CLIP)
        optimizer.step()
        yield number

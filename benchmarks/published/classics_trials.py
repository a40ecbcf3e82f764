"""How a network is trained on each family of problems of `classics.py`, and when it has solved one."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from experiment import parameters_of
from torch import Tensor, nn
from torch.nn import functional

import gatewise
from gatewise.cells.base import CellType
from gatewise.cells.carry_factor import carry_factors
from gatewise.insight.problems.batch import Problem, StepProblem
from gatewise.insight.problems.copying import COPIED, memoryless_loss
from gatewise.insight.problems.counting import counted_strings
from gatewise.insight.problems.reber import ReberStreams, strings
from gatewise.layers import Recurrent

CLIP = 1.0
TEST_SEQUENCES, TEST_SEED = 2560, 1_000_000


class Network(nn.Module):
    """One layer of a cell, and a linear readout.

    forget_bias: the initial bias of the gate that carries the state, such as the update gate of a GRU
    largest: the largest initial value of a parameter; 1 / sqrt(units) if None
    """

    def __init__(
        self, cell: CellType, inputs: int, units: int, outputs: int, forget_bias: float | None = None,
        largest: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        factor = largest * units**0.5 if largest else 1.0
        carrying = [one.line for one in carry_factors(cell).values() if one.line in cell.gates]
        if forget_bias and carrying:
            body = {"initial_bias": {carrying[0]: forget_bias / factor}}
            cell = CellType(cell.__name__, (cell,), body)
        self.recurrent = Recurrent(cell, inputs, units)
        self.out = nn.Linear(units, outputs)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter *= factor

    def forward(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """The outputs [T, B, K] at every step, and the final state."""
        hidden, state = self.recurrent(inputs, state)
        return self.out(hidden), state

    def at_end(self, inputs: Tensor, lengths: Tensor | None) -> Tensor:
        """The outputs [B, K] at the last step of each sequence."""
        _, state = self.recurrent(inputs, lengths=lengths)
        return self.out((state if isinstance(state, Tensor) else state[0])[-1])


class Trial(ABC):
    """One training: a network, its loss on the next batch, and whether it has solved the problem.

    rows: the sequences of a batch; the symbols, of an endless stream
    every: the number of batches between two checks of success
    """

    network: Network
    rows: int
    every: int = 1

    @abstractmethod
    def loss(self) -> Tensor:
        """The loss on the next batch."""

    @abstractmethod
    def is_solved(self) -> bool:
        """Whether the published criterion is met."""

    def scores(self) -> dict[str, Any]:
        """What is measured after training."""
        return {}


@dataclass(frozen=True)
class Budget:
    """The end of a training: sequences, and minutes of processor time."""

    sequences: int
    minutes: float


def run(trial: Trial, rate: float, budget: Budget, falls: bool = False) -> dict[str, Any]:
    """Trains by Adam, with clipped gradients, until the problem is solved or the budget is used up.

    falls: whether the learning rate falls to 0, linearly, over the second half of the budget's sequences
    """
    adam = torch.optim.Adam(trial.network.parameters(), lr=rate)
    begun, seen, number, solved = time.process_time(), 0, 0, False
    while not solved and seen < budget.sequences and time.process_time() - begun < 60 * budget.minutes:
        if falls:
            adam.param_groups[0]["lr"] = rate * min(1.0, 2 - 2 * seen / budget.sequences)
        adam.zero_grad()
        trial.loss().backward()
        nn.utils.clip_grad_norm_(trial.network.parameters(), CLIP)
        adam.step()
        seen, number = seen + trial.rows, number + 1
        if number % trial.every == 0:
            with torch.no_grad():
                solved = trial.is_solved()
    minutes = (time.process_time() - begun) / 60
    with torch.no_grad():
        scores = trial.scores()
    parameters = parameters_of(trial.network)
    return {"solved": solved, "sequences": seen, "minutes": minutes, "parameters": parameters} | scores


class AtEnd(Trial):
    """A problem with a target at the end of each sequence.

    It is solved when at most `wrong` of the last `streak` training sequences, predicted before the step that
    learns them, have an error of `tolerance` or more, and their mean error is below `mean_error`.
    """

    def __init__(
        self, cell: CellType, random: torch.Generator, draw: Callable[[int, torch.Generator], Problem], *,
        units: int, rows: int, forget_bias: float, tolerance: float, mean_error: float = float("inf"),
        streak: int = 2000, wrong: int = 0,
    ) -> None:  # fmt: skip
        first = draw(1, torch.Generator().manual_seed(0))
        outputs = first.targets.shape[1] * max(first.classes, 1)
        self.network = Network(cell, first.inputs.shape[-1], units, outputs, forget_bias)
        self.random, self.draw, self.rows = random, draw, rows
        self.tolerance, self.mean_error, self.streak, self.wrong = tolerance, mean_error, streak, wrong
        self.recent = torch.zeros(0)

    def loss(self) -> Tensor:
        problem = self.draw(self.rows, self.random)
        output = self.network.at_end(problem.inputs, problem.lengths)
        self.recent = torch.cat([self.recent, self.errors(output.detach(), problem)])[-self.streak :]
        if problem.classes:
            return functional.cross_entropy(output, problem.targets[:, 0])
        return functional.mse_loss(output, problem.targets)

    def errors(self, output: Tensor, problem: Problem) -> Tensor:
        """[B], the largest error of an output."""
        if problem.classes:
            wanted = functional.one_hot(problem.targets[:, 0], problem.classes)
            return (output.softmax(-1) - wanted).abs().amax(-1)
        return (output - problem.targets).abs().amax(-1)

    def is_solved(self) -> bool:
        full = len(self.recent) == self.streak
        wrong = int((self.recent >= self.tolerance).sum())
        return full and wrong <= self.wrong and float(self.recent.mean()) < self.mean_error

    def scores(self) -> dict[str, Any]:
        random = torch.Generator().manual_seed(TEST_SEED)
        errors = []
        for _ in range(TEST_SEQUENCES // 256):
            problem = self.draw(256, random)
            errors.append(self.errors(self.network.at_end(problem.inputs, problem.lengths), problem))
        found = torch.cat(errors)
        return {"test wrong": int((found >= self.tolerance).sum()), "test error": float(found.mean())}


class ReberStrings(Trial):
    """256 strings to train on, 256 to test: solved when all symbols that may follow have the largest outputs.

    The target of the training is the symbol that follows.
    """

    def __init__(self, cell: CellType, random: torch.Generator, *, units: int, rows: int) -> None:
        self.network = Network(cell, 7, units, 7)
        self.rows, self.every, self.random = rows, 256 // rows, random
        self.train, self.test = strings(256, random), strings(256, random)
        self.order = torch.randperm(256, generator=random)

    def loss(self) -> Tensor:
        if not len(self.order):
            self.order = torch.randperm(256, generator=self.random)
        rows, self.order = self.order[: self.rows], self.order[self.rows :]
        inputs, targets, counted = (one[:, rows] for one in self.train)
        read = functional.pad(inputs[1:].transpose(0, 2), (0, 1)).transpose(0, 2)
        following = torch.where(read.any(-1, keepdim=True), read, targets)  # the last is always E
        output, _ = self.network(inputs)
        return functional.cross_entropy(output[counted], following[counted].argmax(-1))

    def right(self, problem: StepProblem) -> Tensor:
        """[B], whether a string is predicted correctly at every step."""
        output, _ = self.network(problem.inputs)
        lowest = output.masked_fill(problem.targets == 0, float("inf")).amin(-1)
        highest = output.masked_fill(problem.targets == 1, -float("inf")).amax(-1)
        return ((lowest > highest) | ~problem.counted).all(0)

    def is_solved(self) -> bool:
        return bool(self.right(self.train).all() and self.right(self.test).all())

    def scores(self) -> dict[str, Any]:
        return {"test wrong": int((~self.right(self.test)).sum()), "test strings": 256}


class ReberStream(Trial):
    """Continual strings: solved when ten streams of 100,000 symbols are predicted without an error.

    The state is not reset at the end of a string. The target is every symbol that may follow; a prediction is
    correct if the error of every output is below 0.49. In training, a stream with an error ends after its
    piece of 40 symbols, and a new one starts from a state of zeros. The streams are tested when the last 100
    pieces had no error.
    """

    steps, tested, quiet = 40, 100_000, 100

    def __init__(self, cell: CellType, random: torch.Generator, *, units: int, rows: int) -> None:
        self.network = Network(cell, 7, units, 7)
        self.rows, self.streams, self.state = rows * self.steps, ReberStreams(rows, random), None
        self.without_error, self.found = 0, {"test symbols to the first error": 0.0}

    def loss(self) -> Tensor:
        piece = self.streams.read(self.steps)
        output, state = self.network(piece.inputs, self.state)
        wrong = (within(output.detach(), piece.targets) >= 0.49).any(-1).any(0)
        self.streams.restart(wrong.nonzero().flatten().tolist())
        self.state = kept(gatewise.detach(state), ~wrong)
        self.without_error = 0 if wrong.any() else self.without_error + 1
        return functional.binary_cross_entropy_with_logits(output, piece.targets)

    def is_solved(self) -> bool:
        if self.without_error < self.quiet:
            return False
        self.without_error = 0
        return self._test() == self.tested

    def _test(self) -> float:
        """The mean number of symbols of ten streams before the first error."""
        streams, state = ReberStreams(10, torch.Generator().manual_seed(TEST_SEED)), None
        before = torch.zeros(10)
        going = torch.ones(10, dtype=torch.bool)
        for _ in range(self.tested // 1000):
            piece = streams.read(1000)
            output, state = self.network(piece.inputs, state)
            wrong = (within(output, piece.targets) >= 0.49).any(-1)
            before += going * (wrong.cumsum(0) == 0).sum(0)
            going &= ~wrong.any(0)
            if not going.any():
                break
        self.found = {"test symbols to the first error": float(before.mean())}
        return float(before.mean())

    def scores(self) -> dict[str, Any]:
        if self.found["test symbols to the first error"] < self.tested:
            self._test()
        return self.found


class Counting(Trial):
    """Strings with n of 1 to 10; what counts is the largest n up to which all strings are accepted.

    A string is accepted if every output is on the right side of 0.5 at every step. "sequences to accept": the
    number after which all strings of the training set are accepted. Training continues to the end of the
    budget, and generalization is measured at every 500 batches.
    """

    every, longest = 500, 1000

    def __init__(self, cell: CellType, random: torch.Generator, *, letters: int, units: int) -> None:
        self.network = Network(cell, letters + 2, units, letters + 2, forget_bias=3.0, largest=0.1)
        self.letters, self.rows, self.seen = letters, 10, 0
        self.train = counted_strings(letters, range(1, 11))
        self.accepted: int | None = None
        self.reached: list[int] = []

    def loss(self) -> Tensor:
        output, _ = self.network(self.train.inputs)
        self.seen += self.rows
        if self.accepted is None and self.right(output.detach(), self.train).all():
            self.accepted = self.seen
        counted = self.train.counted
        return functional.binary_cross_entropy_with_logits(output[counted], self.train.targets[counted])

    def right(self, output: Tensor, problem: StepProblem) -> Tensor:
        """[B], whether a string is accepted."""
        return ((within(output, problem.targets) < 0.5).all(-1) | ~problem.counted).all(0)

    def is_solved(self) -> bool:
        self.reached.append(self.largest())
        return False

    def largest(self) -> int:
        """The largest n, at most 1000, up to which all strings are accepted."""
        for first in range(1, self.longest, 100):
            problem = counted_strings(self.letters, range(first, first + 100))
            right = self.right(self.network(problem.inputs)[0], problem)
            if not right.all():
                return first - 1 + int(right.int().argmin())
        return self.longest

    def scores(self) -> dict[str, Any]:
        last = self.largest()
        return {
            "solved": self.accepted is not None, "sequences to accept": self.accepted,
            "largest n": last, "largest n of any check": max(*self.reached, last) if self.reached else last,
        }  # fmt: skip


class Spikes(Trial):
    """Delays or spikes: solved when 20 sequences of 50 spikes have errors below 0.49 at every step."""

    every = 100

    def __init__(
        self, cell: CellType, random: torch.Generator, draw: Callable[..., StepProblem], *, units: int,
        rows: int, spikes: int,
    ) -> None:  # fmt: skip
        self.network = Network(cell, 1, units, 1)
        self.rows, self.draw = rows, partial(draw, spikes, rows, random)
        self.test = draw(50, 20, torch.Generator().manual_seed(TEST_SEED))

    def loss(self) -> Tensor:
        problem = self.draw()
        output, _ = self.network(problem.inputs)
        return functional.mse_loss(output[problem.counted], problem.targets[problem.counted])

    def wrong(self) -> Tensor:
        """[T, B], whether the error is 0.49 or more."""
        output, _ = self.network(self.test.inputs)
        return ((output - self.test.targets).abs()[..., 0] >= 0.49) & self.test.counted

    def is_solved(self) -> bool:
        return not bool(self.wrong().any())

    def scores(self) -> dict[str, Any]:
        return {"test steps wrong": int(self.wrong().sum()), "test steps": int(self.test.counted.sum())}


class Copying(Trial):
    """Copy memory: solved when 99% of the ten symbols of 512 sequences are repeated."""

    every = 100

    def __init__(
        self, cell: CellType, random: torch.Generator, draw: Callable[..., StepProblem], lag: int, *,
        units: int, rows: int,
    ) -> None:  # fmt: skip
        self.network = Network(cell, 10, units, 10)
        self.rows, self.lag, self.draw = rows, lag, partial(draw, lag, rows, random)
        self.test = draw(lag, 512, torch.Generator().manual_seed(TEST_SEED))

    def loss(self) -> Tensor:
        return self._loss(self.draw())[0]

    def _loss(self, problem: StepProblem) -> tuple[Tensor, Tensor]:
        output, _ = self.network(problem.inputs)
        return functional.cross_entropy(output.flatten(0, 1), problem.targets.flatten(0, 1)), output

    def scores(self) -> dict[str, Any]:
        loss, output = self._loss(self.test)
        right = output[-COPIED:].argmax(-1) == self.test.targets[-COPIED:].argmax(-1)
        return {
            "test loss": float(loss), "memoryless loss": memoryless_loss(self.lag),
            "symbols right": float(right.float().mean()),
        }  # fmt: skip

    def is_solved(self) -> bool:
        return self.scores()["symbols right"] >= 0.99


def within(output: Tensor, targets: Tensor) -> Tensor:
    """The errors of sigmoid outputs."""
    return (output.sigmoid() - targets).abs()


def kept(state: Any, rows: Tensor) -> Any:
    """The state, with zeros in the other rows."""
    return state * rows[:, None] if isinstance(state, Tensor) else tuple(kept(one, rows) for one in state)

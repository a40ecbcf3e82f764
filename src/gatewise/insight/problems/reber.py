"""The embedded Reber grammar: strings, and a continual stream of them.

Reber 1967; embedded: Cleeremans, Servan-Schreiber and McClelland 1989, Hochreiter and Schmidhuber 1997
(experiment 1); continual: Gers, Schmidhuber and Cummins 2000.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from gatewise.insight.problems.batch import StepProblem

SYMBOLS = "BTPSXVE"
INNER: list[dict[str, int]] = [  # for each state, the state that a symbol leads to
    {"B": 1}, {"T": 2, "P": 3}, {"S": 2, "X": 4}, {"T": 3, "V": 5}, {"X": 3, "S": 6}, {"P": 4, "V": 6},
    {"E": 7},
]  # fmt: skip
PERMITTED = ["B", "E", "T", "P", *("".join(follows) for follows in INNER if len(follows) > 1)]
TARGETS = torch.tensor([[float(symbol in some) for symbol in SYMBOLS] for some in PERMITTED])


def coins(random: torch.Generator) -> Iterator[int]:
    """Endlessly 0 or 1, each with a probability of 1/2."""
    while True:
        yield from torch.randint(2, (256,), generator=random).tolist()


def embedded_string(coin: Iterator[int]) -> tuple[str, list[str]]:
    """A string of the embedded grammar, and the symbols that may follow each of its symbols but the last.

    Each of two permitted symbols has a probability of 1/2.

    >>> string, permitted = embedded_string(coins(torch.Generator().manual_seed(0)))
    >>> string, permitted[:3], permitted[-2:]
    ('BTBPVPSETE', ['TP', 'B', 'TP'], ['T', 'E'])
    """
    outer = "TP"[next(coin)]
    string, permitted, state = "B" + outer, ["TP", "B"], 0
    while state < len(INNER):
        choices = "".join(INNER[state])
        symbol = choices[next(coin)] if len(choices) > 1 else choices
        state = INNER[state][symbol]
        string += symbol
        permitted.append("".join(INNER[state]) if state < len(INNER) else outer)
    return string + outer + "E", [*permitted, "E"]


def strings(rows: int, random: torch.Generator) -> StepProblem:
    """A batch of strings; the targets are the symbols that may follow, 1 for each.

    >>> strings(4, torch.Generator().manual_seed(0)).inputs.shape[1:]
    torch.Size([4, 7])
    """
    coin = coins(random)
    drawn = [embedded_string(coin) for _ in range(rows)]
    inputs = pad_sequence([_one_hot([string[:-1]])[0] for string, _ in drawn])
    targets = pad_sequence([_many_hot([permitted])[0] for _, permitted in drawn])
    counted = pad_sequence([torch.ones(len(permitted), dtype=torch.bool) for _, permitted in drawn])
    return StepProblem(inputs, targets, counted)


class ReberStreams:
    """Endless streams of strings, one after the other, which are read in pieces of equal length."""

    streams: list[Iterator[tuple[str, str]]]

    def __init__(self, rows: int, random: torch.Generator) -> None:
        self.random = random
        self.streams = [self._new() for _ in range(rows)]

    def read(self, steps: int) -> StepProblem:
        """The next steps of every stream.

        >>> ReberStreams(2, torch.Generator().manual_seed(0)).read(30).targets.shape
        torch.Size([30, 2, 7])
        """
        found = [list(zip(*islice(stream, steps), strict=True)) for stream in self.streams]
        inputs, targets = _one_hot([own[0] for own in found]), _many_hot([own[1] for own in found])
        counted = torch.ones(steps, len(found), dtype=torch.bool)
        return StepProblem(inputs.transpose(0, 1), targets.transpose(0, 1), counted)

    def restart(self, rows: Iterable[int]) -> None:
        """Starts new streams in some rows, with the first symbol of a string."""
        for row in rows:
            self.streams[row] = self._new()

    def _new(self) -> Iterator[tuple[str, str]]:
        seed = int(torch.randint(2**31, (), generator=self.random))
        return _stream(torch.Generator().manual_seed(seed))


def _stream(random: torch.Generator) -> Iterator[tuple[str, str]]:
    """Symbols, each with those that may follow; B follows E."""
    coin = coins(random)
    while True:
        string, permitted = embedded_string(coin)
        yield from zip(string, [*permitted, "B"], strict=True)


def _one_hot(rows: Iterable[Sequence[str]]) -> Tensor:
    """[B, T, 7], of one symbol at each step."""
    return torch.eye(len(SYMBOLS))[torch.tensor([[SYMBOLS.index(one) for one in row] for row in rows])]


def _many_hot(rows: Iterable[Sequence[str]]) -> Tensor:
    """[B, T, 7], of several symbols at each step."""
    return TARGETS[torch.tensor([[PERMITTED.index(one) for one in row] for row in rows])]

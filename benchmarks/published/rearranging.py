"""Copying, reversing and sorting strings of letters, by encoders and decoders with and without attention.

The papers: an encoder passes its final state to a decoder, which is better if the source is reversed
(Sutskever, Vinyals and Le 2014); with attention over the whole source, the final state need not represent
all of it (Bahdanau, Cho and Bengio 2015; Luong, Pham and Manning 2015).

Ours: all pairs differ, some are held out. An output of the beam search is correct if every letter is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from experiment import arguments, parameters_of, record, train
from torch import Tensor

from gatewise.cells import LSTM
from gatewise.data.text.parallel import PairBatch
from gatewise.data.text.ragged import Ragged
from gatewise.data.tokenizers.sentences import SPECIAL
from gatewise.tasks.translate.network import EncoderDecoder

PAPER = "no figure: both kinds of attention are reported to help with long sources"
TASKS: dict[str, Callable[[list[int]], list[int]]] = {
    "copy": list,
    "reverse": lambda letters: letters[::-1],
    "sort": sorted,
}
KINDS: dict[str, dict[str, Any]] = {
    "none": {"attention": "none", "bidirectional": False},
    "none, source reversed": {"attention": "none", "bidirectional": False, "reverse": True},
    "luong": {"attention": "luong"},
    "bahdanau": {"attention": "bahdanau"},
}


class Strings:
    """Different strings of `shortest` to `longest` of some letters, each with what is made of it."""

    def __init__(self, task: str, pairs: int, letters: int, shortest: int, longest: int) -> None:
        found: dict[tuple[int, ...], None] = {}
        while len(found) < pairs:
            length = int(torch.randint(shortest, longest + 1, ()))
            found[tuple((torch.randint(letters, (length,)) + len(SPECIAL)).tolist())] = None
        self.sources = Ragged.of(map(list, found))
        self.targets = Ragged.of(TASKS[task](list(one)) for one in found)

    def batch(self, rows: list[int]) -> PairBatch:
        return PairBatch(
            self.sources.padded(rows), self.sources.tensor_lengths(rows), self.targets.padded(rows)
        )


def exact(network: EncoderDecoder, strings: Strings, rows: list[int]) -> float:
    """The fraction of rows of which all letters are right."""
    network.eval()
    right = 0
    for some in torch.tensor(rows).split(250):
        for row, found in zip(some.tolist(), network.translate(strings.batch(some.tolist())), strict=True):
            right += found.numbers == strings.targets[row][:-1].tolist()
    network.train()
    return right / len(rows)


def learn(network: EncoderDecoder, strings: Strings, held: int, **options: Any) -> dict[str, Any]:
    """Trains on all strings but the last ones, and returns the fraction of those predicted exactly."""
    count = len(strings.sources) - held

    def step() -> tuple[Tensor, float]:
        rows = torch.randint(count, (options["batch"],)).tolist()
        return network.loss(strings.batch(rows)), 0.0

    kept = {name: value for name, value in options.items() if name != "batch"}
    found = train("strings", network.parameters(), step, **kept)
    scores = {"held out exact": exact(network, strings, list(range(count, len(strings.sources))))}
    return scores | {
        "steps": found["steps"],
        "minutes": found["minutes"],
        "parameters": parameters_of(network),
    }


if __name__ == "__main__":
    settings = arguments(
        __doc__, tasks=list(TASKS), pairs=6000, held=1000, letters=10, shortest=4, longest=10, units=128,
        embedding=32, batch=50, rate=0.003, steps=5000,
    )  # fmt: skip
    of, begun, measured = settings, time.monotonic(), {}
    for task in of.tasks:
        torch.manual_seed(of.seed)
        strings = Strings(task, of.pairs, of.letters, of.shortest, of.longest)
        for kind, options in KINDS.items():
            torch.manual_seed(of.seed)
            symbols = of.letters + len(SPECIAL)
            network = EncoderDecoder(
                LSTM, sources=symbols, targets=symbols, embedding=of.embedding, hidden=of.units, ratio=1.0,
                **options,
            )  # fmt: skip
            print(task, kind, flush=True)
            found = learn(network, strings, of.held, batch=of.batch, rate=of.rate, steps=of.steps)
            measured.setdefault(task, {})[kind] = found
            print(found, flush=True)
    record("rearranging", settings, PAPER, measured, (time.monotonic() - begun) / 60)

"""What a translating network must beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.data.text.parallel import PairBatch, Parallel
from gatewise.data.text.symbols import END, PADDING, UNKNOWN
from gatewise.modules.beam_search import Hypothesis
from gatewise.modules.network import Baseline
from gatewise.tasks.translate.network import Translator

ROUNDS = 5
MOST_LINKS = 20_000_000  # pairs of symbols that a word table is learned from


class TranslationBaseline(Translator, Baseline):
    """Its loss is the share of symbols that it gets wrong, place by place."""

    def __init__(self, sources: int, targets: int) -> None:
        super().__init__()
        self.sources, self.targets = sources, targets

    def loss(self, batch: PairBatch) -> Tensor:
        right = 0
        for found, true in zip(self.translate(batch), batch.target.tolist(), strict=True):
            right += sum(one == other for one, other in zip([*found.numbers, END], true, strict=False))
        return torch.tensor(1 - right / self.weight(batch))

    def options(self) -> dict[str, Any]:
        return {"sources": self.sources, "targets": self.targets}


class SymbolBySymbol(TranslationBaseline):
    """Each symbol by itself, in the order of the source: `y_t = table[x_t]`."""

    table: Tensor

    def __init__(self, sources: int, targets: int) -> None:
        super().__init__(sources, targets)
        self.register_buffer("table", torch.full((sources,), UNKNOWN))

    def translate(self, batch: PairBatch) -> list[Hypothesis]:
        told = self.table[batch.source].tolist()
        lengths = [length - 1 for length in batch.lengths.tolist()]
        return [
            Hypothesis(one[:length], 0.0, torch.eye(length))
            for one, length in zip(told, lengths, strict=True)
        ]


class CopySource(SymbolBySymbol):
    """The source as it is."""

    def __init__(self, sources: int, targets: int, same: Sequence[int] = ()) -> None:
        """same: for each symbol of the sources the one of the targets that reads alike, or UNKNOWN"""
        super().__init__(sources, targets)
        if same:
            self.table = torch.tensor(same)

    def learn(self, train: Parallel, validation: Parallel) -> None:
        """There is nothing to learn."""


class WordTable(SymbolBySymbol):
    """Each symbol's likeliest translation by the first model of Brown et al. (1993), in five rounds.

    `t(y | x)` is the mean over x's links of `t(y | x) / sum of t(y | x')`, where x' runs over the symbols of
    the same source, and one more that stands for none of them.
    """

    def learn(self, train: Parallel, validation: Parallel) -> None:
        sources, targets, groups = _links(train)
        pairs, link = np.unique(sources * self.targets + targets, return_inverse=True)
        of_source, of_target = pairs // self.targets, pairs % self.targets
        share = np.ones(len(pairs), np.float64)
        for _ in range(ROUNDS):
            weights = share[link]
            total = np.bincount(groups, weights)[groups]
            counts = np.bincount(link, weights / total, len(pairs))
            share = counts / np.bincount(of_source, counts, self.sources)[of_source]
        order = np.lexsort((of_target, -share, of_source))
        which, first = np.unique(of_source[order], return_index=True)
        self.table[torch.from_numpy(which)] = torch.from_numpy(of_target[order][first])


class MostFrequent(TranslationBaseline):
    """The most frequent target of all, whatever the source."""

    target: Tensor

    def __init__(self, sources: int, targets: int, longest: int = 0) -> None:
        super().__init__(sources, targets)
        self.register_buffer("target", torch.full((longest,), PADDING))

    def learn(self, train: Parallel, validation: Parallel) -> None:
        counts: dict[bytes, int] = {}
        for row in range(len(train)):
            key = train.targets[row].tobytes()
            counts[key] = counts.get(key, 0) + 1
        often = np.frombuffer(max(counts, key=counts.__getitem__), np.int32)[:-1]
        self.target = torch.from_numpy(often.astype(np.int64))

    def translate(self, batch: PairBatch) -> list[Hypothesis]:
        return [Hypothesis(self.target.tolist(), 0.0, None) for _ in range(len(batch.source))]

    def options(self) -> dict[str, Any]:
        return {**super().options(), "longest": len(self.target)}


def _links(train: Parallel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of a source's symbol (or none, PADDING) and a target's; those of one place share a number."""
    sources, targets, groups, place, links = [], [], [], 0, 0
    for row in range(len(train)):
        source = np.concatenate([[PADDING], train.sources[row][:-1]])
        target = train.targets[row][:-1]
        sources.append(np.tile(source, len(target)))
        targets.append(np.repeat(target, len(source)))
        groups.append(np.repeat(np.arange(place, place + len(target)), len(source)))
        place += len(target)
        links += len(source) * len(target)
        if links > MOST_LINKS:
            break
    return tuple(np.concatenate(one).astype(np.int64) for one in (sources, targets, groups))  # type: ignore[return-value]

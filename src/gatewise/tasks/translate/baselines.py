"""The baselines of translation: copying, the most frequent target, and IBM Model 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.baselines.texts import most_frequent_target, symbol_error_rate
from gatewise.data.text.parallel import PairBatch, Parallel
from gatewise.data.tokenizers.sentences import PADDING, UNKNOWN
from gatewise.modules.beam_search import Hypothesis
from gatewise.modules.network import Baseline
from gatewise.tasks.translate.network import Translator

ITERATIONS = 5  # of expectation maximization
MAX_LINKS = 20_000_000  # pairs of source and target symbols that IBM Model 1 learns from


class TranslationBaseline(Translator, Baseline):
    """A translator that is not trained by gradients; its loss is the fraction of wrong symbols.

    sources, targets: the sizes of both vocabularies
    """

    sources: int
    targets: int

    def __init__(self, sources: int, targets: int) -> None:
        super().__init__()
        self.sources, self.targets = sources, targets

    def loss(self, batch: PairBatch) -> Tensor:
        return symbol_error_rate(self.translate(batch), batch.target, self.weight(batch))

    def options(self) -> dict[str, Any]:
        return {"sources": self.sources, "targets": self.targets}


class SymbolBySymbol(TranslationBaseline):
    """Translates each symbol alone, in the order of the source: `y_t = table[x_t]`."""

    table: Tensor

    def __init__(self, sources: int, targets: int) -> None:
        super().__init__(sources, targets)
        self.register_buffer("table", torch.full((sources,), UNKNOWN))

    def translate(self, batch: PairBatch) -> list[Hypothesis]:
        rows = self.table[batch.source].tolist()
        lengths = [length - 1 for length in batch.lengths.tolist()]
        return [
            Hypothesis(row[:length], 0.0, torch.eye(length))
            for row, length in zip(rows, lengths, strict=True)
        ]


class CopySource(SymbolBySymbol):
    """Copies the source.

    same: for each source symbol the target symbol with the same text, or UNKNOWN
    """

    table: Tensor

    def __init__(self, sources: int, targets: int, same: Sequence[int] = ()) -> None:
        super().__init__(sources, targets)
        if same:
            self.table = torch.tensor(same)

    def fit(self, train: Parallel, validation: Parallel) -> None:
        """Does nothing: there are no parameters to fit."""


class IBMModel1(SymbolBySymbol):
    """The most probable translation of each symbol by IBM Model 1, after five iterations.

    `t(y | x)` is re-estimated from the expected alignments `t(y | x) / sum_x' t(y | x')`, where x' runs over
    the symbols of the same source and the null symbol.
    Source: Brown et al. 1993.
    """

    def fit(self, train: Parallel, validation: Parallel) -> None:
        sources, targets, groups = _links(train)
        pairs, link = np.unique(sources * self.targets + targets, return_inverse=True)
        of_source, of_target = pairs // self.targets, pairs % self.targets
        probability = np.ones(len(pairs), np.float64)
        for _ in range(ITERATIONS):
            weights = probability[link]
            total = np.bincount(groups, weights)[groups]
            counts = np.bincount(link, weights / total, len(pairs))
            probability = counts / np.bincount(of_source, counts, self.sources)[of_source]
        order = np.lexsort((of_target, -probability, of_source))
        symbols, first = np.unique(of_source[order], return_index=True)
        self.table[torch.from_numpy(symbols)] = torch.from_numpy(of_target[order][first])


class MostFrequent(TranslationBaseline):
    """The most frequent target of the training set, for every source.

    length: the number of symbols of that target, after learning
    """

    target: Tensor

    def __init__(self, sources: int, targets: int, length: int = 0) -> None:
        super().__init__(sources, targets)
        self.register_buffer("target", torch.full((length,), PADDING))

    def fit(self, train: Parallel, validation: Parallel) -> None:
        self.target = most_frequent_target(train.targets)

    def translate(self, batch: PairBatch) -> list[Hypothesis]:
        return [Hypothesis(self.target.tolist(), 0.0, None) for _ in range(len(batch.source))]

    def options(self) -> dict[str, Any]:
        return {**super().options(), "length": len(self.target)}


def _links(train: Parallel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of a source symbol, or PADDING as the null symbol, and a target symbol of the same pair.

    Returns source symbols, target symbols, and the number of the target position, which links share.
    """
    sources, targets, groups, position, links = [], [], [], 0, 0
    for row in range(len(train)):
        source = np.concatenate([[PADDING], train.sources[row][:-1]])
        target = train.targets[row][:-1]
        sources.append(np.tile(source, len(target)))
        targets.append(np.repeat(target, len(source)))
        groups.append(np.repeat(np.arange(position, position + len(target)), len(source)))
        position += len(target)
        links += len(source) * len(target)
        if links > MAX_LINKS:
            break
    return tuple(np.concatenate(arrays).astype(np.int64) for arrays in (sources, targets, groups))  # type: ignore[return-value]

"""Translations as text, and how good they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from gatewise.data.text.parallel import PairBatch, Parallel, ParallelData, Ragged
from gatewise.data.text.symbols import UNKNOWN, Symbols
from gatewise.modules.beam_search import Hypothesis
from gatewise.tasks.translate.network import Translator

ROWS = 64  # sentences that are translated at a time


@dataclass(frozen=True)
class Told:
    """A translation: its text, the pieces it is of, those of its source, and what was looked at, [T, S]."""

    text: str
    pieces: tuple[str, ...]
    source: tuple[str, ...]
    looked: Tensor | None


def tell(network: Translator, texts: Sequence[str], source: Symbols, target: Symbols) -> list[Told]:
    """Translates texts. A text without symbols has an empty translation.

    An unknown symbol is replaced by that of the source which was looked at most (Luong et al. 2015).
    """
    pieces = [source.split(text) for text in texts]
    numbers = Ragged.of([source.numbers(one) for one in pieces])
    told = [Told("", (), (), None)] * len(texts)
    rows = np.flatnonzero(numbers.lengths > 1)
    rows = rows[numbers.lengths[rows].argsort(kind="stable")]
    training, device = network.training, next((one.device for one in network.state_dict().values()), "cpu")
    network.eval()
    for some in np.split(rows, range(ROWS, len(rows), ROWS)) if len(rows) else ():
        sources = numbers.padded(some).to(device)
        batch = PairBatch(sources, numbers.tensor_lengths(some).to(device), sources[:, :0])
        for row, found in zip(some.tolist(), network.translate(batch), strict=True):
            told[row] = _told(found, pieces[row], target)
    network.train(training)
    return told


def translations(network: Translator, part: Parallel, data: ParallelData) -> list[Told]:
    """Those of a part's sources, in its order."""
    return tell(network, [part.text(row)[0] for row in range(len(part))], data.source, data.target)


def references(part: Parallel, data: ParallelData) -> list[str]:
    """A part's targets as the symbols can tell them."""
    return [data.target.plain(part.text(row)[1]) for row in range(len(part))]


def _told(found: Hypothesis, source: list[str], target: Symbols) -> Told:
    pieces = []
    for step, number in enumerate(found.numbers):
        copied = found.looked is not None and number == UNKNOWN
        place = int(found.looked[step, : len(source)].argmax()) if copied else 0  # type: ignore[index]
        pieces.append(source[place] if copied else target.name(number))
    return Told(target.join(pieces), tuple(pieces), tuple(source), found.looked)

"""Translations as text, and how good they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from gatewise.data.text.parallel import PairBatch, Parallel, ParallelData, Ragged
from gatewise.data.text.symbols import UNKNOWN, Symbols
from gatewise.errors import GatewiseError
from gatewise.modules.beam_search import Found
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


def score(told: Sequence[str], truth: Sequence[str]) -> dict[str, float]:
    """BLEU (Papineni et al. 2002) and chrF (Popovic 2015) of all, 0 to 100, and the share that is exact.

    By sacrebleu (Post 2018) and its defaults, but: where most true texts hold no space, it counts letters
    instead of words; and where all are shorter than the four that it counts together, as many as there are.

    >>> score(["a b c d e", "x"], ["a b c d e", "y"])["exact"]
    0.5
    """
    sacrebleu = require_sacrebleu()
    spaced = 2 * sum(" " in one for one in truth) >= len(truth)
    short = max(len(one.split()) if spaced else len(one) for one in truth) < 4
    bleu = sacrebleu.metrics.BLEU(tokenize="13a" if spaced else "char", effective_order=short, force=True)
    chrf = sacrebleu.metrics.CHRF()
    return {
        "bleu": float(bleu.corpus_score(list(told), [list(truth)]).score),
        "chrf": float(chrf.corpus_score(list(told), [list(truth)]).score),
        "exact": sum(one == other for one, other in zip(told, truth, strict=True)) / len(truth),
    }


def require_sacrebleu() -> Any:
    """The library that scores. Errors: `GatewiseError` where it is not installed."""
    try:
        import sacrebleu
    except ImportError as error:
        raise GatewiseError(
            "translations are scored by sacrebleu, which is not installed: pip install 'gatewise[text]'"
        ) from error
    return sacrebleu


def _told(found: Found, source: list[str], target: Symbols) -> Told:
    pieces = []
    for step, number in enumerate(found.numbers):
        copied = found.looked is not None and number == UNKNOWN
        place = int(found.looked[step, : len(source)].argmax()) if copied else 0  # type: ignore[index]
        pieces.append(source[place] if copied else target.name(number))
    return Told(target.join(pieces), tuple(pieces), tuple(source), found.looked)

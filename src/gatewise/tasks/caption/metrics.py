"""Captions as text, and how good they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from gatewise.data.images.captions import Captions
from gatewise.data.text.symbols import Symbols
from gatewise.metrics.text import require_sacrebleu
from gatewise.tasks.caption.network import Captioner

IMAGES_AT_ONCE = 64


@dataclass(frozen=True)
class Caption:
    """A caption: its text, the pieces that it is of, and what was looked at for each, [T, S], if anything."""

    text: str
    pieces: tuple[str, ...]
    looked: Tensor | None


def captions(
    network: Captioner, part: Captions, symbols: Symbols, chosen: Sequence[int] | None = None
) -> list[Caption]:
    """What a network says of a part's images, or of some of them; those of like size are read together."""
    places = np.arange(len(part.numbers)) if chosen is None else np.asarray(chosen)
    areas = part.files.sizes[np.asarray(part.numbers)[places]].prod(1)
    order = areas.argsort(kind="stable")
    told: dict[int, Caption] = {}
    network.eval()
    count = min(IMAGES_AT_ONCE, part.at_once)
    for some in np.split(order, range(count, len(order), count)):
        for place, found in zip(some, network.caption(part.pictures(places[some].tolist())), strict=True):
            pieces = [symbols.name(number) for number in found.numbers]
            told[int(place)] = Caption(symbols.join(pieces), tuple(pieces), found.looked)
    return [told[place] for place in range(len(places))]


def references(part: Captions, symbols: Symbols) -> list[tuple[str, ...]]:
    """The true captions of each image, as the symbols can tell them."""
    return [tuple(symbols.plain(text) for text in own) for own in part.captions]


def score_captions(told: Sequence[str], truth: Sequence[Sequence[str]]) -> dict[str, float]:
    """BLEU (Papineni et al. 2002) and chrF (Popovic 2015), 0 to 100, and the share that is just a true one.

    By sacrebleu (Post 2018): each caption against all true ones of its image; where all of these are shorter
    than the four words that BLEU counts together, as many as there are.

    >>> score_captions(["a cat", "a dog"], [["a cat", "one cat sleeps"], ["a cow"]])["exact"]
    0.5
    """
    sacrebleu = require_sacrebleu()
    most = max(len(own) for own in truth)
    streams = [[own[place] if place < len(own) else None for own in truth] for place in range(most)]
    short = max(len(text.split()) for own in truth for text in own) < 4
    bleu = sacrebleu.metrics.BLEU(effective_order=short, force=True)
    return {
        "bleu": float(bleu.corpus_score(list(told), streams).score),
        "chrf": float(sacrebleu.metrics.CHRF().corpus_score(list(told), streams).score),
        "exact": sum(one in own for one, own in zip(told, truth, strict=True)) / len(truth),
    }

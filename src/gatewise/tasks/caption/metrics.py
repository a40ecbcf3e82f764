"""Captions as text, and how well they match the references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from gatewise.data.images.captions import Captions
from gatewise.data.text.symbols import Symbols
from gatewise.metrics.text import require_sacrebleu
from gatewise.tasks.caption.network import Captioner

BATCH_SIZE = 64  # images


@dataclass(frozen=True)
class CaptionPrediction:
    """A predicted caption.

    text: the caption
    tokens: of the caption
    attention: the weights [T, S] of each output step; None without attention
    """

    text: str
    tokens: tuple[str, ...]
    attention: Tensor | None


def caption_images(
    network: Captioner, split: Captions, symbols: Symbols, chosen: Sequence[int] | None = None
) -> list[CaptionPrediction]:
    """Captions the images of a split, or the chosen ones; images of similar size share a batch."""
    places = np.arange(len(split.numbers)) if chosen is None else np.asarray(chosen)
    areas = split.files.sizes[np.asarray(split.numbers)[places]].prod(1)
    order = areas.argsort(kind="stable")
    predicted: dict[int, CaptionPrediction] = {}
    network.eval()
    count = min(BATCH_SIZE, split.at_once)
    for rows in np.split(order, range(count, len(order), count)):
        hypotheses = network.caption(split.pictures(places[rows].tolist()))
        for place, hypothesis in zip(rows, hypotheses, strict=True):
            tokens = [symbols.name(number) for number in hypothesis.numbers]
            text = symbols.join(tokens)
            predicted[int(place)] = CaptionPrediction(text, tuple(tokens), hypothesis.attention)
    return [predicted[place] for place in range(len(places))]


def references(split: Captions, symbols: Symbols) -> list[tuple[str, ...]]:
    """The reference captions of each image, normalized as predictions are."""
    return [tuple(symbols.plain(text) for text in own) for own in split.captions]


def score_captions(predicted: Sequence[str], truth: Sequence[Sequence[str]]) -> dict[str, float]:
    """BLEU (Papineni et al. 2002), chrF (Popovic 2015), 0 to 100, and the fraction of exact matches.

    Computed by sacrebleu (Post 2018), each caption against all references of its image. Where all references
    are shorter than the four words of BLEU's longest n-gram, BLEU uses as many as there are.

    >>> score_captions(["a cat", "a dog"], [["a cat", "one cat sleeps"], ["a cow"]])["exact"]
    0.5
    """
    sacrebleu = require_sacrebleu()
    most = max(len(own) for own in truth)
    streams = [[own[place] if place < len(own) else None for own in truth] for place in range(most)]
    short = max(len(text.split()) for own in truth for text in own) < 4
    bleu = sacrebleu.metrics.BLEU(effective_order=short, force=True)
    return {
        "bleu": float(bleu.corpus_score(list(predicted), streams).score),
        "chrf": float(sacrebleu.metrics.CHRF().corpus_score(list(predicted), streams).score),
        "exact": sum(one in own for one, own in zip(predicted, truth, strict=True)) / len(truth),
    }

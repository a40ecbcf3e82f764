"""Captions as text, and how well they match the references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from gatewise.data.images.captions import Captions
from gatewise.data.tokenizers.sentences import SentenceTokenizer
from gatewise.metrics.details import Details
from gatewise.metrics.text import by_length, import_sacrebleu
from gatewise.tasks.caption.data import CaptionData
from gatewise.tasks.caption.network import Captioner, CaptionNetwork
from gatewise.tasks.predictions import Predictions

BATCH_SIZE = 64  # images
EXAMPLES = 5


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


@dataclass(frozen=True)
class CaptionPredictions(Predictions[Captioner, Captions]):
    """The predicted captions of a split.

    values: of each image, in order; references: its true captions, normalized as predictions are
    """

    values: list[CaptionPrediction]
    references: list[tuple[str, ...]]

    @property
    def texts(self) -> list[str]:
        return [caption.text for caption in self.values]

    def attention_over_pixels(self, index: int, height: int, width: int) -> tuple[np.ndarray, ...]:
        """[height, width] for each token of a caption and its end; empty without attention."""
        attention = self.values[index].attention
        if attention is None or not attention.numel():
            return ()
        assert isinstance(self.network, CaptionNetwork)
        return tuple(self.network.reader.over_pixels(attention, height, width).numpy())


def caption_images(
    network: Captioner, split: Captions, symbols: SentenceTokenizer, chosen: Sequence[int] | None = None
) -> list[CaptionPrediction]:
    """Captions the images of a split, or the chosen ones; images of similar size share a batch."""
    indices = np.arange(len(split.numbers)) if chosen is None else np.asarray(chosen)
    areas = split.files.sizes[np.asarray(split.numbers)[indices]].prod(1)
    order = areas.argsort(kind="stable")
    predicted: dict[int, CaptionPrediction] = {}
    network.eval()
    count = min(BATCH_SIZE, split.max_batch_size)
    for rows in np.split(order, range(count, len(order), count)):
        hypotheses = network.caption(split.pictures(indices[rows].tolist()))
        for index, hypothesis in zip(rows, hypotheses, strict=True):
            tokens = [symbols.name(number) for number in hypothesis.numbers]
            text = symbols.join(tokens)
            predicted[int(index)] = CaptionPrediction(text, tuple(tokens), hypothesis.attention)
    return [predicted[index] for index in range(len(indices))]


def references(split: Captions, symbols: SentenceTokenizer) -> list[tuple[str, ...]]:
    """The reference captions of each image, normalized as predictions are."""
    return [tuple(symbols.normalize(text) for text in captions) for captions in split.captions]


def score_captions(predicted: Sequence[str], truth: Sequence[Sequence[str]]) -> dict[str, float]:
    """BLEU (Papineni et al. 2002), chrF (Popovic 2015), 0 to 100, and the fraction of exact matches.

    Computed by sacrebleu (Post 2018), each caption against all references of its image. Where all references
    are shorter than the four words of BLEU's longest n-gram, BLEU uses as many as there are.

    >>> score_captions(["a cat", "a dog"], [["a cat", "one cat sleeps"], ["a cow"]])["exact"]
    0.5
    """
    sacrebleu = import_sacrebleu()
    max_references = max(len(captions) for captions in truth)
    streams = [
        [captions[index] if index < len(captions) else None for captions in truth]
        for index in range(max_references)
    ]
    short = max(len(text.split()) for captions in truth for text in captions) < 4
    bleu = sacrebleu.metrics.BLEU(effective_order=short, force=True)
    return {
        "bleu": float(bleu.corpus_score(list(predicted), streams).score),
        "chrf": float(sacrebleu.metrics.CHRF().corpus_score(list(predicted), streams).score),
        "exact": sum(caption in captions for caption, captions in zip(predicted, truth, strict=True))
        / len(truth),
    }


def scores_by_length(predictions: CaptionPredictions, symbols: SentenceTokenizer) -> Details:
    """Scores of images by the length of their first reference."""
    texts = predictions.texts

    def scored(chosen: list[int]) -> dict[str, float]:
        return score_captions(
            [texts[index] for index in chosen], [predictions.references[index] for index in chosen]
        )

    lengths = [len(symbols.split(captions[0])) for captions in predictions.references]
    return by_length(lengths, scored, "by the number of symbols of a reference", "images")


def examples(predictions: CaptionPredictions, data: CaptionData) -> Details:
    """The first images of the split with a true and the predicted caption."""
    rows: list[tuple[str, ...]] = []
    for index, predicted in enumerate(predictions.texts[:EXAMPLES]):
        name = data.table.images[predictions.split.numbers[index]].name
        rows += [(name, "true", predictions.references[index][0]), ("", "predicted", predicted)]
    return Details("images of the test set", ("image", "", ""), tuple(rows))

"""Translations as text, and the references that they are scored against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from gatewise.data.text.parallel import PairBatch, Parallel, ParallelData
from gatewise.data.text.ragged import Ragged
from gatewise.data.tokenizers.sentences import UNKNOWN, SentenceTokenizer
from gatewise.metrics.details import Details
from gatewise.metrics.text import by_length, score
from gatewise.modules.beam_search import Hypothesis
from gatewise.tasks.predictions import Predictions
from gatewise.tasks.translate.network import Translator

BATCH_SIZE = 64  # sentences
EXAMPLES = 5


@dataclass(frozen=True)
class Translation:
    """A translated text.

    text: the translation
    tokens: of the translation
    source: the tokens of the source
    attention: the weights [T, S] of each output step; None without attention
    """

    text: str
    tokens: tuple[str, ...]
    source: tuple[str, ...]
    attention: Tensor | None


@dataclass(frozen=True)
class Translations(Predictions[Translator, Parallel]):
    """The translations of a split.

    values: of each pair, in order; references: the targets, normalized as translations are
    """

    values: list[Translation]
    references: list[str]

    @property
    def texts(self) -> list[str]:
        return [translation.text for translation in self.values]


def translate_texts(
    network: Translator, texts: Sequence[str], source: SentenceTokenizer, target: SentenceTokenizer
) -> list[Translation]:
    """Translates texts, in their order. A text without symbols has an empty translation.

    An unknown symbol is replaced by the source symbol with the highest attention (Luong et al. 2015).
    """
    tokens = [source.split(text) for text in texts]
    numbers = Ragged.of([source.numbers(symbols) for symbols in tokens])
    translated = [Translation("", (), (), None)] * len(texts)
    rows = np.flatnonzero(numbers.lengths > 1)
    rows = rows[numbers.lengths[rows].argsort(kind="stable")]
    training = network.training
    device = next((tensor.device for tensor in network.state_dict().values()), "cpu")
    network.eval()
    for batch_rows in np.split(rows, range(BATCH_SIZE, len(rows), BATCH_SIZE)) if len(rows) else ():
        sources = numbers.padded(batch_rows).to(device)
        batch = PairBatch(sources, numbers.tensor_lengths(batch_rows).to(device), sources[:, :0])
        for row, hypothesis in zip(batch_rows.tolist(), network.translate(batch), strict=True):
            translated[row] = _translation(hypothesis, tokens[row], target)
    network.train(training)
    return translated


def translate_split(network: Translator, split: Parallel, data: ParallelData) -> list[Translation]:
    """Translates all sources of a split, in their order."""
    return translate_texts(
        network, [split.text(row)[0] for row in range(len(split))], data.source, data.target
    )


def references(split: Parallel, data: ParallelData) -> list[str]:
    """The targets of a split, normalized as translations are."""
    return [data.target.normalize(split.text(row)[1]) for row in range(len(split))]


def scores_by_length(predictions: Translations) -> Details:
    """Scores of short and long sources."""
    texts = predictions.texts

    def scored(rows: list[int]) -> dict[str, float]:
        return score([texts[row] for row in rows], [predictions.references[row] for row in rows])

    lengths = predictions.split.sources.lengths - 1
    return by_length(lengths, scored, "by the number of source symbols", "pairs")


def examples(predictions: Translations) -> Details:
    """The first pairs of the split with their translations."""
    rows: list[tuple[str, ...]] = []
    for row, predicted in enumerate(predictions.texts[:EXAMPLES]):
        rows += [
            ("source", predictions.split.text(row)[0]),
            ("true", predictions.references[row]),
            ("predicted", predicted),
            ("", ""),
        ]
    return Details("pairs of the test set", ("", ""), tuple(rows[:-1]))


def _translation(hypothesis: Hypothesis, source: list[str], target: SentenceTokenizer) -> Translation:
    tokens, attention = [], hypothesis.attention
    for step, number in enumerate(hypothesis.numbers):
        if attention is not None and number == UNKNOWN:
            tokens.append(source[int(attention[step, : len(source)].argmax())])
        else:
            tokens.append(target.name(number))
    return Translation(target.join(tokens), tuple(tokens), tuple(source), attention)

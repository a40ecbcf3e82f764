"""Transcripts of a split, their metrics, and tables of errors and examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from gatewise.data.batching import even_batches
from gatewise.data.labels.transcript_data import TranscriptData
from gatewise.data.labels.transcripts import TranscriptBatch, TranscriptDataset
from gatewise.data.text.edits import Pair, alignment, edit_distance
from gatewise.metrics.details import Details
from gatewise.modules.ctc import beam_search, best_path, negative_log_likelihood
from gatewise.modules.finite import require_no_nan
from gatewise.tasks.predictions import Predictions
from gatewise.tasks.transcribe.network import Transcriber

EDITS, TEXTS, WIDE = 8, 8, 30  # rows of the tables, and the longest text in one
GOOD = 2  # texts without a mistake among those shown


@dataclass(frozen=True)
class Transcripts(Predictions[Transcriber, TranscriptDataset]):
    """The predicted texts of a split, and the true ones, as lists of symbols or words."""

    values: list[list[str]]
    truth: list[list[str]]

    @torch.inference_mode()
    def symbol_probabilities(self, batch: TranscriptBatch) -> np.ndarray:
        """[T', K]: the probability of each symbol, 0 for the blank, at each step of a batch of one."""
        logits, lengths = self.network(batch.values, batch.lengths)
        probabilities: np.ndarray = logits[0, : int(lengths[0])].softmax(-1).numpy()
        return probabilities


@torch.inference_mode()
def find_texts(network: Transcriber, split: Any, beam: int) -> tuple[list[list[int]], np.ndarray]:
    """Transcribes the sequences of a split; returns symbol numbers and probabilities.

    beam: the number of prefixes of the search; 0 takes the best path
    """
    network.eval()
    transcripts: list[list[int]] = [[]] * len(split)
    probabilities = np.zeros(len(split))
    for rows in even_batches(split.sizes):
        batch = split.__getitems__(rows)
        logits, lengths = network(batch.values, batch.lengths)
        texts = beam_search(logits, lengths, beam)[0] if beam else best_path(logits, lengths)
        sizes = torch.tensor([len(text) for text in texts])
        targets = nn.utils.rnn.pad_sequence([torch.tensor([*text, 1]) for text in texts], batch_first=True)
        probabilities[rows] = (-negative_log_likelihood(logits, lengths, targets, sizes)).exp().numpy()
        for row, text in zip(rows, texts, strict=True):
            transcripts[row] = text
    require_no_nan(probabilities, "the probabilities of texts")
    return transcripts, probabilities


def edits(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Counter[Pair]:
    """The edits between true and predicted texts with their counts: (true, predicted), None for nothing."""
    return Counter(
        pair
        for true, prediction in zip(truth, predicted, strict=True)
        for pair in alignment(true, prediction)
        if pair[0] != pair[1]
    )


def error_rate(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """The number of edits between true and predicted texts, divided by the number of true symbols."""
    distance = sum(edit_distance(true, prediction) for true, prediction in zip(truth, predicted, strict=True))
    return distance / max(sum(len(true) for true in truth), 1)


def edit_table(predictions: Transcripts) -> Details | None:
    """A table of the most frequent edits between true and predicted symbols."""
    rows = tuple(
        (_shown(true, "(nothing)"), _shown(prediction, "(left out)"), f"{count:,}")
        for (true, prediction), count in edits(predictions.truth, predictions.values).most_common(EDITS)
    )
    header = ("true", "predicted", "count")
    return Details("the most frequent errors on the test set", header, rows) if rows else None


def text_table(predictions: Transcripts, data: TranscriptData) -> Details:
    """A table of true and predicted texts of the test set, those with errors first."""
    split = predictions.split
    texts = [data.tokenizer.join(symbols) for symbols in predictions.values]
    correct = [text == true for text, true in zip(texts, split.texts, strict=True)]
    wrong, right = (
        [number for number, is_correct in enumerate(correct) if is_correct == kind] for kind in (False, True)
    )
    chosen = [*wrong[: TEXTS - min(GOOD, len(right))], *right[:GOOD]]
    rows = tuple(
        (
            _cut(data.names[split.numbers[number]]),
            _cut(split.texts[number]),
            _cut(texts[number]),
            "" if correct[number] else "≠",
        )
        for number in chosen
    )
    return Details("texts of the test set, some wrong ones first", ("of", "true", "predicted", ""), rows)


def _shown(symbol: str | None, nothing: str) -> str:
    return nothing if symbol is None else "␣" if symbol == " " else symbol


def _cut(text: str) -> str:
    return text if len(text) <= WIDE else f"{text[: WIDE - 1]}…"

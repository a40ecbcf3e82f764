"""Transcribed texts and their metrics: symbols, edits, error rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from gatewise.data.batching import even_batches
from gatewise.data.labels.transcripts import TranscriptSteps
from gatewise.data.text.edits import Pair, alignment, edit_distance
from gatewise.metrics.counts import Counts
from gatewise.modules.ctc import beam_search, best_path, negative_log_likelihood
from gatewise.modules.finite import require_no_nan
from gatewise.tasks.predictions import Predictions
from gatewise.tasks.transcribe.network import Transcriber


@dataclass(frozen=True)
class Transcripts(Predictions[Transcriber, TranscriptSteps]):
    """The predicted texts of a split, and the true ones, as lists of symbols or words."""

    values: list[list[str]]
    truth: list[list[str]]


@torch.inference_mode()
def find_texts(network: Transcriber, part: Any, beam: int) -> tuple[list[list[int]], np.ndarray]:
    """Transcribes the sequences of a split; returns symbol numbers and probabilities.

    beam: prefixes of the search; 0 takes the best path
    """
    network.eval()
    found: list[list[int]] = [[]] * len(part)
    chances = np.zeros(len(part))
    for rows in even_batches(part.sizes):
        batch = part.__getitems__(rows)
        logits, lengths = network(batch.values, batch.lengths)
        texts = beam_search(logits, lengths, beam)[0] if beam else best_path(logits, lengths)
        sizes = torch.tensor([len(text) for text in texts])
        targets = nn.utils.rnn.pad_sequence([torch.tensor([*text, 1]) for text in texts], batch_first=True)
        chances[rows] = (-negative_log_likelihood(logits, lengths, targets, sizes)).exp().numpy()
        for row, text in zip(rows, texts, strict=True):
            found[row] = text
    require_no_nan(chances, "the probabilities of texts")
    return found, chances


def by_symbol(truth: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> dict[str, Counts]:
    """Counts of each symbol, or word; one is correct if the alignment with fewest edits matches it."""
    there = Counter(symbol for text in truth for symbol in text)
    said = Counter(symbol for text in found for symbol in text)
    right = Counter(
        one
        for true, given in zip(truth, found, strict=True)
        for one, other in alignment(true, given)
        if one is not None and one == other
    )
    return {one: Counts(there[one], said[one], right[one]) for one in sorted({*there, *said})}


def edits(truth: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> Counter[Pair]:
    """The edits between true and predicted texts with their counts: (true, predicted), None for nothing."""
    return Counter(
        pair
        for true, given in zip(truth, found, strict=True)
        for pair in alignment(true, given)
        if pair[0] != pair[1]
    )


def error_rate(truth: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> float:
    """The number of edits between true and predicted texts, divided by the number of true symbols."""
    distance = sum(edit_distance(one, other) for one, other in zip(truth, found, strict=True))
    return distance / max(sum(len(one) for one in truth), 1)

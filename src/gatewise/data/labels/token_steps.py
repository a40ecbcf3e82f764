"""Tagged sentences as batches: the number of each word, and the letters of its spelling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gatewise.data.labels.ragged import pad_rows, ragged_indices
from gatewise.data.labels.segments import SegmentDataset, Segments
from gatewise.data.tokenizers.words import UNKNOWN, WordTokenizer

NO_LABEL = -1  # of a step without one


class TokenBatch(NamedTuple):
    """Padded sentences.

    words: [B, T], 0 if unknown; spellings: [B, T], the row of each in `letters`
    letters: [U, L], of each distinct spelling, 0 if unknown or padding; sizes: [U], their lengths
    lengths: [B]; labels: [B, T], -1 beyond the end and if there is none
    """

    words: Tensor
    spellings: Tensor
    letters: Tensor
    sizes: Tensor
    lengths: Tensor
    labels: Tensor


class TokenSteps(SegmentDataset[TokenBatch]):
    """Segments of a text as batches.

    Args:
        tokens: of the whole text; labels: [N], by number, None if there are none
        segments: of this set; place: of a token in its file, for messages
    """

    segments: Segments
    place: Callable[[int], str]
    labels: np.ndarray
    tokens: Sequence[str]

    def __init__(
        self,
        tokens: Sequence[str],
        labels: np.ndarray | None,
        tokenizer: WordTokenizer,
        segments: Segments,
        place: Callable[[int], str] = str,
    ) -> None:
        self.tokens, self.segments, self.place = tokens, segments, place
        self.labels = np.full(len(tokens), NO_LABEL) if labels is None else labels
        types: dict[str, int] = {}
        self._types = np.array([types.setdefault(token, len(types)) for token in tokens])
        self._words = np.array([tokenizer.word(token) for token in types])
        spellings = [tokenizer.spelling(token) for token in types]
        self._letters = np.concatenate([np.array(one) for one in spellings])
        self._starts = np.cumsum([0, *(len(one) for one in spellings)])

    def __getitems__(self, numbers: list[int]) -> TokenBatch:
        lengths = self.segments.sizes[numbers]
        rows, columns = ragged_indices(lengths)
        where = self.segments.starts[numbers][rows] + columns
        present, spellings = np.unique(self._types[where], return_inverse=True)
        sizes = np.diff(self._starts)[present]
        spelling, letter = ragged_indices(sizes)
        letters = self._letters[self._starts[present][spelling] + letter]
        return TokenBatch(
            pad_rows(rows, columns, lengths, self._words[self._types[where]], UNKNOWN),
            pad_rows(rows, columns, lengths, spellings, 0),
            pad_rows(spelling, letter, sizes, letters, UNKNOWN),
            torch.from_numpy(sizes),
            torch.from_numpy(lengths),
            pad_rows(rows, columns, lengths, self.labels[where], NO_LABEL),
        )

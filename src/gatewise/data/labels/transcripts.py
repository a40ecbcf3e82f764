"""Sequences with the text of each, whose symbols are not aligned with the steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from gatewise.data.labels.ragged import pad_rows, ragged_indices
from gatewise.data.tokenizers.transcripts import TranscriptTokenizer


class TranscriptBatch(NamedTuple):
    """Padded sequences and texts.

    values: [B, T, C], 0 beyond lengths: [B]; targets: [B, L] in 1..V, 0 beyond sizes: [B]
    """

    values: Tensor
    lengths: Tensor
    targets: Tensor
    sizes: Tensor


class Inputs(Protocol):
    """Sequences by number."""

    @property
    def lengths(self) -> np.ndarray:
        """[N], the steps of each sequence."""

    @property
    def channels(self) -> int:
        """C, the numbers of a step."""

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """[B, T, C], zero beyond the lengths [B]."""


class TranscriptDataset:
    """Some inputs with the text of each.

    numbers: of the inputs; texts: None if they are unknown; sizes: the length of each input
    """

    inputs: Inputs
    tokenizer: TranscriptTokenizer
    numbers: np.ndarray
    texts: list[str]
    targets: list[np.ndarray]
    sizes: np.ndarray

    def __init__(
        self,
        inputs: Inputs,
        numbers: Sequence[int],
        texts: Sequence[str] | None,
        tokenizer: TranscriptTokenizer,
    ) -> None:
        self.inputs, self.tokenizer = inputs, tokenizer
        self.numbers = np.asarray(numbers, np.int64)
        self.texts = [""] * len(self.numbers) if texts is None else list(texts)
        self.targets = [np.array(tokenizer.encode(text), np.int64) for text in self.texts]
        self.sizes = inputs.lengths[self.numbers]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, number: int) -> TranscriptBatch:
        return self.__getitems__([number])

    def __getitems__(self, chosen: list[int]) -> TranscriptBatch:
        """A padded batch."""
        values, lengths = self.inputs.batch(self.numbers[chosen].tolist())
        targets = [self.targets[one] for one in chosen]
        sizes = np.array([len(one) for one in targets])
        padded = pad_rows(*ragged_indices(sizes), sizes, np.concatenate(targets), 0)
        return TranscriptBatch(values, lengths, padded, torch.from_numpy(sizes))

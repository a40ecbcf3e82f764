"""The network that reads a text out of a sequence, not told which step holds what."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.data.labels.transcripts import TranscriptBatch
from gatewise.layers import Recurrent
from gatewise.modules.ctc import negative_log_likelihood
from gatewise.modules.network import Network
from gatewise.modules.strip_fronts import Front, columns_left, strip_front


class Transcriber(Network):
    """Scores the blank and every symbol at each step: the network, and what it must beat.

    symbols: V, without the blank
    """

    def __init__(self, symbols: int) -> None:
        super().__init__()
        self.symbols = symbols

    @abstractmethod
    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """values [B, T, C] of lengths [B] -> logits [B, T', 1 + V], the blank first, and lengths [B]."""

    def loss(self, batch: TranscriptBatch) -> Tensor:
        """`-log p(text)` over all symbols of the batch; a text without symbols counts as one."""
        logits, lengths = self(batch.values, batch.lengths)
        total = negative_log_likelihood(logits, lengths, batch.targets, batch.sizes).sum()
        return total / self.weight(batch)

    def weight(self, batch: TranscriptBatch) -> int:
        return int(batch.sizes.clamp(min=1).sum())

    def options(self) -> dict[str, Any]:
        return {"symbols": self.symbols}


class TranscriptNetwork(Transcriber):
    """A stack of any cell over the steps, whose hidden becomes logits of the blank and the symbols.

    symbols: V; cell: the equations; channels: C of a step; hidden, layers: H of each direction, and the depth
    both: from both ends, else from the first step on; join: so many steps of the input are made one
    front: "convolution" or "lattice" look at images first, whose columns of `height` pixels are the steps
    dropout: before and after the stack, and between its layers

    >>> import torch
    >>> from gatewise.cells import LSTM
    >>> network = TranscriptNetwork(10, LSTM, channels=28, hidden=8, stack_frames=4)
    >>> logits, lengths = network(torch.randn(2, 30, 28), torch.tensor([30, 9]))
    >>> logits.shape, lengths
    (torch.Size([2, 8, 11]), tensor([8, 3]))
    """

    def __init__(
        self,
        symbols: int,
        cell: CellType,
        channels: int,
        hidden: int = 64,
        layers: int = 1,
        bidirectional: bool = True,
        stack_frames: int = 1,
        front: Front = "none",
        height: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(symbols)
        self._options = {
            "cell": cell, "channels": channels, "hidden": hidden, "layers": layers,
            "bidirectional": bidirectional, "stack_frames": stack_frames, "front": front,
            "height": height, "dropout": dropout,
        }  # fmt: skip
        self.stack_frames = stack_frames
        self.front = strip_front(front, cell, height, channels)
        channels = channels if self.front is None else self.front.features
        self.dropout = nn.Dropout(dropout)
        self.recurrent = Recurrent(
            cell, channels * stack_frames, hidden, layers, batch_first=True, bidirectional=bidirectional,
            dropout=dropout if layers > 1 else 0.0,
        )  # fmt: skip
        self.readout = nn.Linear(hidden * (1 + bidirectional), 1 + symbols)

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        if self.front is not None:
            values, lengths = self.front(values, lengths)
        values, lengths = joined(values, lengths, self.stack_frames)
        output, _ = self.recurrent(self.dropout(values), lengths=lengths)
        return self.readout(self.dropout(output)), lengths

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}


def joined(values: Tensor, lengths: Tensor, join: int) -> tuple[Tensor, Tensor]:
    """Every `join` steps [B, T, C] as one [B, T / join, join * C], zeros filling up the last.

    >>> import torch
    >>> joined(torch.arange(1.0, 6).reshape(1, 5, 1), torch.tensor([5]), 2)[0].tolist()
    [[[1.0, 2.0], [3.0, 4.0], [5.0, 0.0]]]
    """
    filled_up = functional.pad(values, (0, 0, 0, -values.shape[1] % join))
    return filled_up.unflatten(1, (-1, join)).flatten(2), (lengths + join - 1) // join


def steps_left(steps: np.ndarray, join: int, front: Front) -> np.ndarray:
    """How many steps a network has left of so many of the input.

    >>> steps_left(np.array([30, 9]), 4, "none"), steps_left(np.array([30, 9]), 1, "convolution")
    (array([8, 3]), array([8, 3]))
    """
    return -(-columns_left(steps, front) // join)

"""The transcription network, trained by CTC without an alignment, and the class of its baselines."""

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
from gatewise.modules.strip_fronts import Front, FrontEnd, make_front_end, output_columns


class Transcriber(Network):
    """Computes logits of the blank and every symbol at each step: the network or a baseline.

    symbols: V, without the blank
    """

    def __init__(self, symbols: int) -> None:
        super().__init__()
        self.symbols = symbols

    @abstractmethod
    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Maps values [B, T, C] of lengths [B] to logits [B, T', 1 + V], the blank first, and lengths [B]."""

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
    """A stack of recurrent layers of any cell, and a linear layer to the logits of blank and symbols.

    Args:
        symbols: V, without the blank
        cell: the cell of all layers
        channels: C, the number of channels of a step
        hidden: H, the hidden units of each direction
        layers: the number of layers
        heads: groups of units of each layer, see `Recurrent`
        bidirectional: whether the layers run in both directions
        stack_frames: the number of consecutive steps concatenated into one
        front: the front end of images, whose columns are the steps: "none", "convolution" or "lattice"
        height: the height of the images in pixels
        dropout: the dropout rate before, between and after the layers

    >>> import torch
    >>> from gatewise.cells import LSTM
    >>> network = TranscriptNetwork(10, LSTM, channels=28, hidden=8, stack_frames=4)
    >>> logits, lengths = network(torch.randn(2, 30, 28), torch.tensor([30, 9]))
    >>> logits.shape, lengths
    (torch.Size([2, 8, 11]), tensor([8, 3]))
    """

    front: FrontEnd | None
    dropout: nn.Dropout
    recurrent: Recurrent
    readout: nn.Linear

    def __init__(
        self,
        symbols: int,
        cell: CellType,
        channels: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        heads: int = 1,
        bidirectional: bool = True,
        stack_frames: int = 1,
        front: Front = "none",
        height: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(symbols)
        self._options = {
            "cell": cell,
            "channels": channels,
            "hidden": hidden,
            "layers": layers,
            "heads": heads,
            "bidirectional": bidirectional,
            "stack_frames": stack_frames,
            "front": front,
            "height": height,
            "dropout": dropout,
        }
        self.stack_frames = stack_frames
        self.front = make_front_end(front, cell, height, channels)
        channels = channels if self.front is None else self.front.features
        self.dropout = nn.Dropout(dropout)
        self.recurrent = Recurrent(
            cell,
            channels * stack_frames,
            hidden,
            layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if layers > 1 else 0.0,
            heads=heads,
        )
        self.readout = nn.Linear(hidden * (1 + bidirectional), 1 + symbols)

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        if self.front is not None:
            values, lengths = self.front(values, lengths)
        values, lengths = stack_steps(values, lengths, self.stack_frames)
        output, _ = self.recurrent(self.dropout(values), lengths=lengths)
        return self.readout(self.dropout(output)), lengths

    def options(self) -> dict[str, Any]:
        return {**super().options(), **self._options}


def stack_steps(values: Tensor, lengths: Tensor, join: int) -> tuple[Tensor, Tensor]:
    """Concatenates every `join` steps of [B, T, C] into one, [B, T / join, join * C], padded with zeros.

    >>> import torch
    >>> stack_steps(torch.arange(1.0, 6).reshape(1, 5, 1), torch.tensor([5]), 2)[0].tolist()
    [[[1.0, 2.0], [3.0, 4.0], [5.0, 0.0]]]
    """
    padded = functional.pad(values, (0, 0, 0, -values.shape[1] % join))
    return padded.reshape(padded.shape[0], -1, join * padded.shape[2]), (lengths + join - 1) // join


def output_steps(steps: np.ndarray, join: int, front: Front) -> np.ndarray:
    """The number of steps of a network's output, by the number of input steps.

    >>> output_steps(np.array([30, 9]), 4, "none"), output_steps(np.array([30, 9]), 1, "convolution")
    (array([8, 3]), array([8, 3]))
    """
    return -(-output_columns(steps, front) // join)

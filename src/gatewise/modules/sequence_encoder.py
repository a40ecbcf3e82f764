"""The recurrent encoder of sequences: one vector of features for each."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.data.sequences.gaps import GapKind, Gaps
from gatewise.layers import Recurrent
from gatewise.modules.fully_convolutional import FullyConvolutional
from gatewise.modules.gap_inputs import DecayingRecurrent, GapInputs, elapsed_times
from gatewise.modules.inception import Inception
from gatewise.modules.pooling import Pooling, PoolingMode

ConvolutionKind = Literal["plain", "inception"]
CONVOLUTIONS: dict[ConvolutionKind, type[FullyConvolutional | Inception]] = {
    "plain": FullyConvolutional,
    "inception": Inception,
}


class SequenceEncoder(nn.Module):
    """A stack of recurrent layers and pooling over time: `[pool(h_1 ... h_T), f(x)]`.

    Convolutions `f` may read the sequence beside the layers.

    Args:
        cell: the cell of all layers
        channels: C, the number of input channels
        hidden: H, the hidden units of each direction
        layers: the number of layers
        heads: groups of units of each layer, see `Recurrent`
        dropout: the dropout rate between the layers and of the features
        bidirectional: whether the layers run in both directions
        pooling: "last", "mean", "max" or "attention", see `Pooling`
        filters: the output features of the convolutions beside the layers; 0 for no convolutions
        convolutions: "plain", see `FullyConvolutional`, or "inception", see `Inception`
        gaps: what is read beside the values, "none", "mask", "times" or "both", see `GapInputs`
        decay: whether the cell is `GRUD`, and missing values decay

    >>> from gatewise.cells import LSTM
    >>> encoder = SequenceEncoder(LSTM, channels=3, hidden=8)
    >>> encoder.encode(torch.randn(2, 7, 3), torch.tensor([7, 2])).shape
    torch.Size([2, 16])
    """

    inputs: GapInputs
    recurrent: DecayingRecurrent | Recurrent
    pooling: Pooling
    dropout: nn.Dropout
    convolutions: FullyConvolutional | Inception | None
    width: int

    def __init__(
        self,
        cell: CellType,
        channels: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        heads: int = 1,
        dropout: float = 0.3,
        bidirectional: bool = True,
        pooling: PoolingMode = "max",
        filters: int = 0,
        convolutions: ConvolutionKind = "plain",
        gaps: GapKind = "none",
        decay: bool = False,
    ) -> None:
        super().__init__()
        self.inputs = GapInputs(channels, gaps, decay)
        self.recurrent = (DecayingRecurrent if decay else Recurrent)(
            cell,
            self.inputs.width,
            hidden,
            layers,
            dropout=dropout if layers > 1 else 0.0,
            bidirectional=bidirectional,
            heads=heads,
        )
        directions = 1 + bidirectional
        self.pooling = Pooling(pooling, directions * hidden, bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.convolutions = CONVOLUTIONS[convolutions](self.inputs.width, filters) if filters else None
        self.width = directions * hidden + filters  # of the features

    def encode(self, values: Tensor, lengths: Tensor, gaps: Gaps | None = None) -> Tensor:
        """Sequences [B, T, C] of lengths [B] -> features [B, width], with dropout in training.

        gaps: which values were observed, and when, if the network reads that
        """
        inputs = self.inputs(values, gaps)
        times = elapsed_times(self.recurrent.cell, gaps)
        times = None if times is None else times.T
        output, _ = self.recurrent(inputs.transpose(0, 1), lengths=lengths, elapsed=times)
        features = self.pooling(output.transpose(0, 1), lengths)
        if self.convolutions is not None:
            features = torch.cat([features, self.convolutions(inputs, lengths)], dim=-1)
        return self.dropout(features)

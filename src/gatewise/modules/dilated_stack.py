"""Layers that see far back in few steps, because each reads every few steps only."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.errors import GatewiseError
from gatewise.layers import Recurrent

MAX_DILATION = 10_000


class DilatedStack(nn.Module):
    """A stack whose layer of dilation d continues from its state d steps before.

    A layer above the first adds its output to its input. A sequence whose length is no multiple of d is
    preceded by copies of its first step.

    cell: the equations; features: F, the inputs of a step; hidden: H
    dilations: of the layers, from below; dropout: between layers; heads: of each layer

    Source: Chang et al. 2017, dilated recurrent neural networks; Smyl 2020 for the residual connections.

    >>> from gatewise.cells import LSTM
    >>> output, _ = DilatedStack(LSTM, 3, 8, dilations=(1, 2, 4))(torch.randn(10, 2, 3))
    >>> output.shape
    torch.Size([10, 2, 8])
    """

    dilations: tuple[int, ...]
    dropout: nn.Dropout
    layers: nn.ModuleList

    def __init__(
        self,
        cell: CellType,
        features: int,
        hidden: int,
        dilations: Sequence[int],
        dropout: float = 0.0,
        heads: int = 1,
    ) -> None:
        super().__init__()
        if not all(1 <= dilation <= MAX_DILATION for dilation in dilations):
            raise GatewiseError(f"expected dilations from 1 to {MAX_DILATION}, got {list(dilations)}")
        self.dilations, self.dropout = tuple(dilations), nn.Dropout(dropout)
        widths = [features, *[hidden] * (len(dilations) - 1)]
        self.layers = nn.ModuleList(Recurrent(cell, width, hidden, heads=heads) for width in widths)

    def forward(self, steps: Tensor) -> tuple[Tensor, None]:
        """steps [T, B, F] -> the output of the last layer [T, B, H], and no states."""
        for number, (layer, dilation) in enumerate(zip(self.layers, self.dilations, strict=True)):
            if number == 0:
                steps = run_dilated(layer, steps, dilation)
            else:
                steps = steps + run_dilated(layer, self.dropout(steps), dilation)
        return steps, None


def run_dilated(layer: nn.Module, steps: Tensor, dilation: int) -> Tensor:
    """The output [T, B, H] of a layer over the `dilation` interleaved sequences in `steps` [T, B, F].

    They are rows of one batch; the one that ends at the last step comes first.
    """
    missing = -steps.shape[0] % dilation
    padded = torch.cat([steps[:1].expand(missing, -1, -1), steps])
    rows = padded.unflatten(0, (-1, dilation)).flip(1).flatten(1, 2)
    output, _ = layer(rows)
    return output.unflatten(1, (dilation, -1)).flip(1).flatten(0, 1)[missing:]

"""A fully convolutional network of sequences, with squeeze-and-excitation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.modules.masked import mean_valid, normalize_valid

KERNELS = (7, 5, 3)  # steps, of the three blocks
SQUEEZE = 16  # the channels for each unit of squeeze-and-excitation


class FullyConvolutional(nn.Module):
    """Three convolutional blocks, and the mean of the last one over the steps of a sequence.

    `x <- s(x) * relu(norm(W * x))` in the first two blocks, without `s` in the third, where
    `s = sigmoid(V2 relu(V1 mean_t x_t))` weights the channels (squeeze-and-excitation)

    Batch normalization and means leave out padding, so that a sequence has the same features in every batch.

    Args:
        channels: C, of the sequences
        filters: F, of the first and third block; the second has 2 F

    Source: Karim, Majumdar, Darabi and Harford 2019; Hu, Shen and Sun 2018.

    >>> network = FullyConvolutional(channels=3, filters=8)
    >>> network(torch.randn(2, 20, 3), torch.tensor([20, 5])).shape
    torch.Size([2, 8])
    """

    blocks: nn.ModuleList

    def __init__(self, channels: int, filters: int = 64) -> None:
        super().__init__()
        widths = (channels, filters, 2 * filters, filters)
        self.blocks = nn.ModuleList(
            _Block(inputs, outputs, kernel, excites=place < len(KERNELS) - 1)
            for place, (inputs, outputs, kernel) in enumerate(
                zip(widths[:-1], widths[1:], KERNELS, strict=True)
            )
        )

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Sequences [B, T, C] of these lengths [B], all positive, zero beyond them -> [B, F]."""
        valid = torch.arange(values.shape[1], device=values.device) < lengths[:, None]
        for block in self.blocks:
            values = block(values, valid)
        return mean_valid(values, valid)


class _Block(nn.Module):
    """One convolution with batch normalization, and squeeze-and-excitation if it `excites`."""

    def __init__(self, inputs: int, outputs: int, kernel: int, excites: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm1d(outputs)
        self.excitation = None
        if excites:
            squeezed = max(outputs // SQUEEZE, 4)
            self.excitation = nn.Sequential(
                nn.Linear(outputs, squeezed), nn.ReLU(), nn.Linear(squeezed, outputs), nn.Sigmoid()
            )

    def forward(self, values: Tensor, valid: Tensor) -> Tensor:
        """[B, T, inputs] -> [B, T, outputs], zero where not `valid` [B, T]."""
        maps = self.convolution(values.transpose(1, 2)).transpose(1, 2)
        output = functional.relu(normalize_valid(self.norm, maps, valid))
        if self.excitation is not None:
            output = output * self.excitation(mean_valid(output, valid)).unsqueeze(1)
        return output

"""The convolutional network of InceptionTime."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.errors import GatewiseError
from gatewise.modules.masked import mean_valid, normalize_valid

KERNELS = (10, 20, 40)  # steps
BLOCKS, RESIDUAL_EVERY = 6, 3
BRANCHES = len(KERNELS) + 1


class Inception(nn.Module):
    """Six inception blocks, and the mean of the last one over the steps of a sequence.

    `x <- relu(norm([W10 * Vx, W20 * Vx, W40 * Vx, U maxpool3(x)]))`, where `V` reduces a step to F / 4 values
    (the bottleneck; without it for one channel). After each three blocks, `x <- relu(x + norm(R x'))` adds
    the input `x'` of the three.

    Batch normalization, maxima and means leave out padding, so that a sequence has the same features in
    every batch.

    Args:
        channels: C, of the sequences
        filters: F, of a block, a quarter for each of its four branches

    Raises: `GatewiseError` if the filters are not a multiple of four.

    Source: Ismail Fawaz et al. 2020 (InceptionTime), one network of its ensemble.

    >>> network = Inception(channels=3, filters=8)
    >>> network(torch.randn(2, 20, 3), torch.tensor([20, 5])).shape
    torch.Size([2, 8])
    """

    blocks: nn.ModuleList
    shortcuts: nn.ModuleList

    def __init__(self, channels: int, filters: int = 128) -> None:
        super().__init__()
        if filters % BRANCHES:
            raise GatewiseError(f"inception blocks have a multiple of {BRANCHES} filters, got {filters}")
        widths = [channels, *[filters] * (BLOCKS - 1)]
        self.blocks = nn.ModuleList(_Block(width, filters) for width in widths)
        self.shortcuts = nn.ModuleList(_Shortcut(width, filters) for width in widths[::RESIDUAL_EVERY])

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Sequences [B, T, C] of these lengths [B], all positive, zero beyond them -> [B, F]."""
        valid = torch.arange(values.shape[1], device=values.device) < lengths[:, None]
        for number, shortcut in enumerate(self.shortcuts):
            first = number * RESIDUAL_EVERY
            residual = shortcut(values, valid)
            for block in self.blocks[first : first + RESIDUAL_EVERY]:
                values = block(values, valid)
            values = functional.relu(values + residual)
        return mean_valid(values, valid)


class _Block(nn.Module):
    """Convolutions of three widths and a maximum over three steps, side by side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        width = outputs // BRANCHES
        self.bottleneck = nn.Conv1d(inputs, width, 1, bias=False) if inputs > 1 else None
        narrowed = width if inputs > 1 else inputs
        self.convolutions = nn.ModuleList(
            nn.Conv1d(narrowed, width, kernel, bias=False) for kernel in KERNELS
        )
        self.pooled = nn.Conv1d(inputs, width, 1, bias=False)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, values: Tensor, valid: Tensor) -> Tensor:
        """[B, T, inputs] -> [B, T, outputs], zero where not `valid` [B, T]."""
        steps, inside = values.transpose(1, 2), valid.unsqueeze(1)
        narrowed = steps if self.bottleneck is None else self.bottleneck(steps)
        columns = steps.masked_fill(~inside, -torch.inf).unsqueeze(-1)
        # In two dimensions, as an export of `max_pool1d` has a fixed number of steps.
        highest = functional.max_pool2d(columns, (3, 1), stride=1, padding=(1, 0)).squeeze(-1)
        maps = [
            convolution(functional.pad(narrowed, ((kernel - 1) // 2, kernel // 2)))
            for convolution, kernel in zip(self.convolutions, KERNELS, strict=True)
        ]
        maps.append(self.pooled(highest.masked_fill(~inside, 0.0)))
        return functional.relu(normalize_valid(self.norm, torch.cat(maps, dim=1).transpose(1, 2), valid))


class _Shortcut(nn.Module):
    """The residual connection around three blocks."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(inputs, outputs, 1, bias=False)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, values: Tensor, valid: Tensor) -> Tensor:
        """[B, T, inputs] -> [B, T, outputs], zero where not `valid` [B, T]."""
        maps = self.convolution(values.transpose(1, 2)).transpose(1, 2)
        return normalize_valid(self.norm, maps, valid)

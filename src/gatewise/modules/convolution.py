"""A small convolutional front end: what each image shows, on a coarser map, whatever its own size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Convolution(nn.Module):
    """Blocks of `max over 2 x 2 of relu(W * image + b)`, each half as high and as wide as the one before.

    channels: C of the images; filters: of each block, `W` being 3 x 3 for each channel below
    Every image counts as surrounded by zeros at its own size, so that padding a batch changes nothing.
    Source: LeCun, Bottou, Bengio and Haffner 1998.

    >>> front = Convolution(3, filters=(8, 16))
    >>> maps, sizes = front(torch.randn(2, 28, 20, 3), torch.tensor([[28, 20], [9, 5]]))
    >>> maps.shape, sizes.tolist()
    (torch.Size([2, 7, 5, 16]), [[7, 5], [3, 2]])
    """

    def __init__(self, channels: int, filters: Sequence[int] = (16, 32)) -> None:
        super().__init__()
        widths = (channels, *filters)
        self.blocks = nn.ModuleList(
            nn.Conv2d(below, above, 3, padding=1) for below, above in zip(widths, filters, strict=False)
        )
        self.filters = tuple(filters)
        for block in self.blocks:
            nn.init.kaiming_normal_(block.weight, nonlinearity="relu")  # type: ignore[arg-type]
            nn.init.zeros_(block.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """images [B, H, W, C] of own sizes [B, 2] -> maps [B, H', W', F], zero outside theirs [B, 2]."""
        maps = images.permute(0, 3, 1, 2) * inside(sizes, images.shape[1:3]).unsqueeze(1)
        for block in self.blocks:
            maps = functional.relu(block(maps)) * inside(sizes, maps.shape[2:]).unsqueeze(1)
            maps = functional.max_pool2d(maps, 2, ceil_mode=True)  # no value is below the zeros outside
            sizes = (sizes + 1) // 2
        return maps.permute(0, 2, 3, 1), sizes

    def reduced(self, size: int) -> int:
        """What is left of a height or a width.

        >>> Convolution(1, filters=(8, 16, 32)).reduced(28)
        4
        """
        for _ in self.filters:
            size = -(-size // 2)
        return size


def inside(sizes: Tensor, whole: Sequence[int]) -> Tensor:
    """Which positions of lattices lie within their own sizes [B, 2]: [B, H, W] bool, (H, W) being the whole.

    >>> inside(torch.tensor([[1, 2]]), (2, 3)).tolist()
    [[[True, True, False], [False, False, False]]]
    """
    rows, columns = (torch.arange(size, device=sizes.device) for size in whole)
    return (rows[:, None] < sizes[:, 0, None, None]) & (columns < sizes[:, 1, None, None])

"""A small convolutional network for images of different sizes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Convolution(nn.Module):
    """Blocks of `max_pool_2x2(relu(W * image + b))` with 3 x 3 kernels; each block halves height and width.

    Positions outside an image count as zero, so that the padding of a batch does not affect its maps.

    Args:
        channels: C of the images
        filters: the number of filters of each block

    Source: LeCun, Bottou, Bengio and Haffner 1998.

    >>> front = Convolution(3, filters=(8, 16))
    >>> maps, sizes = front(torch.randn(2, 28, 20, 3), torch.tensor([[28, 20], [9, 5]]))
    >>> maps.shape, sizes.tolist()
    (torch.Size([2, 7, 5, 16]), [[7, 5], [3, 2]])
    """

    blocks: nn.ModuleList
    filters: tuple[int, ...]

    def __init__(self, channels: int, filters: Sequence[int] = (16, 32)) -> None:
        super().__init__()
        widths = (channels, *filters)
        self.blocks = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 3, padding=1) for inputs, outputs in zip(widths, filters, strict=False)
        )
        self.filters = tuple(filters)
        for block in self.blocks:
            nn.init.kaiming_normal_(block.weight, nonlinearity="relu")  # type: ignore[arg-type]
            nn.init.zeros_(block.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """Computes feature maps.

        Args:
            images: [B, H, W, C]
            sizes: [B, 2], the height and width of each image

        Returns:
            maps [B, H', W', F], zero outside their sizes, and these sizes [B, 2]
        """
        maps = images.permute(0, 3, 1, 2) * valid_positions(sizes, images.shape[1:3]).unsqueeze(1)
        for block in self.blocks:
            maps = functional.relu(block(maps)) * valid_positions(sizes, maps.shape[2:]).unsqueeze(1)
            maps = functional.max_pool2d(maps, 2, ceil_mode=True)  # no value is below the zeros outside
            sizes = (sizes + 1) // 2
        return maps.permute(0, 2, 3, 1), sizes

    def output_size(self, size: int) -> int:
        """The height or width of a map, from that of its image.

        >>> Convolution(1, filters=(8, 16, 32)).output_size(28)
        4
        """
        for _ in self.filters:
            size = -(-size // 2)
        return size


def valid_positions(sizes: Tensor, shape: Sequence[int]) -> Tensor:
    """[B, H, W], bool: which positions of padded lattices are not padding.

    Args:
        sizes: [B, 2], the height and width of each lattice
        shape: (H, W), the height and width with padding

    >>> valid_positions(torch.tensor([[1, 2]]), (2, 3)).tolist()
    [[[True, True, False], [False, False, False]]]
    """
    rows, columns = (torch.arange(size, device=sizes.device) for size in shape)
    return (rows[:, None] < sizes[:, 0, None, None]) & (columns < sizes[:, 1, None, None])

"""Images resized to one size, for baselines that compare or regress pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SIDE, MAX_REGRESSION_EXAMPLES = 16, 20_000


def resize(images: Tensor, sizes: Tensor, size: tuple[int, int]) -> Tensor:
    """Resizes images by antialiased bilinear interpolation.

    Args:
        images: [B, H, W, C], padded
        sizes: [B, 2], the height and width of each image without padding
        size: the height and width to resize to

    Returns:
        [B, C, *size]

    >>> image = torch.tensor([[1.0, 3.0, 0.0], [1.0, 3.0, 0.0]]).reshape(1, 2, 3, 1)
    >>> resize(image, torch.tensor([[2, 2]]), (1, 1)).flatten()
    tensor([2.])
    """
    if bool((sizes == sizes[0]).all()):
        return _interpolate(images[:, : sizes[0, 0], : sizes[0, 1]], size)
    cropped = [image[:height, :width] for image, (height, width) in zip(images, sizes.tolist(), strict=True)]
    return torch.cat([_interpolate(image.unsqueeze(0), size) for image in cropped])


def _interpolate(images: Tensor, size: tuple[int, int]) -> Tensor:
    channels_first = images.permute(0, 3, 1, 2)
    if channels_first.shape[2:] == size:
        return channels_first
    return functional.interpolate(channels_first, size, mode="bilinear", antialias=True, align_corners=False)

"""Images resized to one size, for what compares or regresses pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SIDE, MOST_REGRESSED = 16, 20_000


def resized(images: Tensor, sizes: Tensor, size: tuple[int, int]) -> Tensor:
    """Images [B, H, W, C] of own sizes [B, 2], resized by interpolation: [B, C, *size].

    >>> image = torch.tensor([[1.0, 3.0, 0.0], [1.0, 3.0, 0.0]]).reshape(1, 2, 3, 1)
    >>> resized(image, torch.tensor([[2, 2]]), (1, 1)).flatten()
    tensor([2.])
    """
    if bool((sizes == sizes[0]).all()):
        return _resized(images[:, : sizes[0, 0], : sizes[0, 1]], size)
    own = [image[:height, :width] for image, (height, width) in zip(images, sizes.tolist(), strict=True)]
    return torch.cat([_resized(image.unsqueeze(0), size) for image in own])


def _resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    moved = images.permute(0, 3, 1, 2)
    if moved.shape[2:] == size:
        return moved
    return functional.interpolate(moved, size, mode="bilinear", antialias=True, align_corners=False)

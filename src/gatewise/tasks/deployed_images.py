"""Images from raw pixels: standardized, and zero outside their sizes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gatewise.data.images.image_file import ImageForm
from gatewise.modules.convolution import valid_positions
from gatewise.shipping.deployed import Field


class PixelReader(nn.Module):
    """`(pixel - mean) / deviation` of each channel, zero outside the size of an image.

    form: of the images of a model; height, width: if all images have one, else None
    """

    height: int | None
    width: int | None
    channels: int
    mean: Tensor
    deviation: Tensor

    def __init__(self, form: ImageForm, height: int | None = None, width: int | None = None) -> None:
        super().__init__()
        if form.size is not None:
            height, width = form.size[0], form.size[1] or None
        self.height, self.width, self.channels = height, width, form.channels
        self.register_buffer("mean", torch.tensor(form.mean, dtype=torch.float32))
        self.register_buffer("deviation", torch.tensor(form.deviation, dtype=torch.float32))

    def fields(self) -> list[Field]:
        """The inputs: pixels, and the sizes of images."""
        about = (
            "the pixels of images, 0 to 255: height, width and channels, grey or red, green, blue; beyond "
        )
        about += "the size of an image anything"
        axes = ("batch", self.height or "height", self.width or "width", self.channels)
        return [
            Field("images", "float32", axes, about),
            Field("sizes", "int64", ("batch", 2), "the height and the width of each image"),
        ]

    def forward(self, images: Tensor, sizes: Tensor) -> Tensor:
        """Pixels [B, H, W, C] and sizes [B, 2] -> [B, H, W, C]."""
        valid = valid_positions(sizes, images.shape[1:3]).unsqueeze(-1)
        return torch.where(valid, (images - self.mean) / self.deviation, 0.0)

    def example(self, rows: int, steps: int, random: torch.Generator) -> dict[str, Tensor]:
        """Plausible images, one of them of full size. steps: from which sizes are made"""
        shape = torch.tensor([self.height or 5 + steps, self.width or 9 + steps // 2])
        images = torch.randint(256, (rows, *shape.tolist(), self.channels), generator=random).float()
        sizes = torch.stack([torch.randint(1, size + 1, (rows,), generator=random) for size in shape], dim=1)
        sizes[0] = shape
        fixed = torch.tensor([self.height is not None, self.width is not None])
        return {"images": images, "sizes": torch.where(fixed, shape, sizes)}

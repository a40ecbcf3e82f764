"""Images of writing, read column by column: each column of pixels is a step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from gatewise.data.images.image_file import read_header
from gatewise.data.images.images import Colour, ImageFiles, open_images

HEIGHT, HIGHEST = 32, 64  # what images are brought to, unless all have one height up to the highest


class Strips:
    """Images of one height as sequences of their columns.

    files: the images
    """

    def __init__(self, files: ImageFiles) -> None:
        self.files = files

    @property
    def steps(self) -> np.ndarray:
        """[N], the width of each."""
        return self.files.sizes[:, 1]

    @property
    def height(self) -> int:
        """H, which all have."""
        return int(self.files.sizes[0, 0])

    @property
    def channels(self) -> int:
        """H * C, the numbers of a column."""
        return self.height * self.files.form.channels

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Columns [B, W, H * C], standardised, zero beyond the widths [B]."""
        images, sizes = self.files.batch(numbers)
        return images.transpose(1, 2).flatten(2), sizes[:, 1]


def open_strips(paths: Sequence[Path], colour: Colour = "auto", height: int = 0) -> Strips:
    """Images of these files, brought to a height, which is found where none is given; they keep their shape.

    Raises: `GatewiseError` that names a file that is no image, or a grey one and a colour one.
    """
    return Strips(open_images(paths, colour, (height or _height(paths), 0)))


def _height(paths: Sequence[Path]) -> int:
    heights = {read_header(path).height for path in paths}
    return max(heights) if len(heights) == 1 and max(heights) <= HIGHEST else HEIGHT

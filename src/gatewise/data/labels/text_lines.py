"""Images of lines of text, read column by column: each column of pixels is a step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from gatewise.data.images.image_file import read_header
from gatewise.data.images.images import Colour, ImageFiles, open_images

DEFAULT_HEIGHT = 32
MAX_HEIGHT = 64  # up to which a height that all images share is kept


class TextLines:
    """Images of one height as sequences of their columns."""

    def __init__(self, files: ImageFiles) -> None:
        self.files = files

    @property
    def lengths(self) -> np.ndarray:
        """[N], the width of each image."""
        return self.files.sizes[:, 1]

    @property
    def height(self) -> int:
        """H, of all images."""
        return int(self.files.sizes[0, 0])

    @property
    def channels(self) -> int:
        """H * C, the numbers of a column."""
        return self.height * self.files.form.channels

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Columns [B, W, H * C], standardized, zero beyond the widths [B]."""
        images, sizes = self.files.batch(numbers)
        return images.transpose(1, 2).flatten(2), sizes[:, 1]


def open_text_lines(paths: Sequence[Path], colour: Colour = "auto", height: int = 0) -> TextLines:
    """Opens images of text lines, which are resized to one height and keep their aspect ratio.

    height: in pixels; 0 for the height that all images share, or else a default

    Raises: `GatewiseError` with a file that is not an image, or with a grey one and a colour one.
    """
    return TextLines(open_images(paths, colour, (height or _height(paths), 0)))


def _height(paths: Sequence[Path]) -> int:
    heights = {read_header(path).height for path in paths}
    return max(heights) if len(heights) == 1 and max(heights) <= MAX_HEIGHT else DEFAULT_HEIGHT

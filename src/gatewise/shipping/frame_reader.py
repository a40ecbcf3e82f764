"""The observations of a stream of clips: the pixels of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gatewise.errors import GatewiseError
from gatewise.shipping.reading import Memory, Reader, Row, column_of

FRAME = "frame"  # the key of the pixels in a dict


class FrameReader(Reader):
    """Reads the pixels of a frame, [H, W, C], or [H, W] of a grey one, that are not standardized.

    input: with the "shape" of a frame
    """

    shape: tuple[Any, ...]

    def __init__(self, input: Mapping[str, Any]) -> None:
        self.shape = tuple(input["shape"])

    def rows(self, observation: Any, memory: Memory) -> tuple[list[Row], Memory]:
        given = column_of(observation, FRAME) if isinstance(observation, Mapping) else observation
        try:
            pixels = np.asarray(given, dtype=np.float32)
        except (TypeError, ValueError, OverflowError) as error:
            raise GatewiseError(f"expected the pixels of a frame, got {type(given).__name__}") from error
        if self.shape[2] == 1 and pixels.shape == self.shape[:2]:
            pixels = pixels[:, :, None]
        if pixels.shape != self.shape:
            raise GatewiseError(f"expected a frame of shape {list(self.shape)}, got {list(pixels.shape)}")
        if not np.isfinite(pixels).all():
            raise GatewiseError("a pixel of the frame is not finite")
        return [pixels], None

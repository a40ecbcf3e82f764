"""The options of classifying clips."""

from __future__ import annotations

from pydantic import Field

from gatewise.data.images.images import Colour
from gatewise.modules.pooling import PoolingMode
from gatewise.tasks.options import Count, CountOrAuto, Fraction, Options, Size, StackOptions, TaskOptions


class ClipOptions(Options):
    """The clips"""

    size: str | None = Field(None, description="Resize all frames to HEIGHTxWIDTH.")
    colour: Colour = Field("auto", description="Read frames as grey, in colour, or unchanged.")
    frame_stride: Count = Field(1, description="Use every N-th frame.")
    validation_fraction: Fraction = Field(
        0.15, description="Fraction of each class in the validation set, without a folder for it."
    )
    test_fraction: Fraction = Field(
        0.15, description="Fraction of each class in the test set, without a folder for it."
    )


class FrameNetworkOptions(StackOptions):
    """The network"""

    filters: tuple[Size, ...] = Field(
        (16, 32), min_length=1, description="Filters of each convolution block; a block halves the frame."
    )
    features: Size = Field(64, description="Number of features of each frame.")
    bidirectional: bool = Field(False, description="Run the layers in both directions.")
    pooling: PoolingMode = Field("last", description="Pooling over the frames: last, mean, max or attention.")


class FrameOptions(TaskOptions, FrameNetworkOptions, ClipOptions):
    """The training"""

    epochs: Count = Field(30, description="The maximum number of epochs.")
    batch_size: CountOrAuto = Field(
        32, description="Clips in a batch, over all devices; 0 chooses the number from the data."
    )

"""The options of classifying images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gatewise.data.images.images import Colour
from gatewise.modules.pooling import PoolingMode
from gatewise.tasks.options import Count, CountOrAuto, Fraction, Options, StackOptions, TaskOptions


class ImageOptions(Options):
    """The images"""

    size: str | None = Field(None, description="Resize all images to HEIGHTxWIDTH.")
    colour: Colour = Field("auto", description="Read images as grey, in colour, or unchanged.")
    validation_fraction: Fraction = Field(
        0.15, description="Fraction of each class in the validation set, without a folder for it."
    )
    test_fraction: Fraction = Field(
        0.15, description="Fraction of each class in the test set, without a folder for it."
    )


class ImageNetworkOptions(StackOptions):
    """The network"""

    network: Literal["stack", "lattice", "grid"] = Field(
        "stack",
        description="Run layers over the rows from top to bottom, or over a lattice of patches in all four "
        "directions, or a Grid LSTM over patches.",
    )
    bidirectional: bool = Field(False, description="For stacks: run the layers in both directions.")
    pooling: PoolingMode = Field(
        "last", description="Pooling over rows or patches: last, mean, max or attention."
    )
    patch: Count = Field(4, description="For lattices and grids: pixels along each side of a patch.")
    depth_weights: Literal["tied", "untied"] = Field(
        "tied", description="For grids: the same parameters for all layers, or separate ones."
    )
    shift: CountOrAuto = Field(0, description="Shift training images at random by up to this many pixels.")


class ClassifyImagesOptions(TaskOptions, ImageNetworkOptions, ImageOptions):
    """The training"""

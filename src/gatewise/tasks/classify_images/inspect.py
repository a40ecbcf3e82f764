"""An example of the test set, to look at inside a classifier of images."""

from __future__ import annotations

from functools import partial
from typing import Any

from gatewise.report.attribution import NAME
from gatewise.report.example import Example, Strip, Track, require_example
from gatewise.tasks.class_attribution import attention_tracks, explain_class
from gatewise.tasks.classification import describe_prediction
from gatewise.tasks.classify_images.data import ImageData


def inspect_image(network: Any, data: ImageData, number: int) -> Example:
    """An image of the test set; 0 is the first.

    Raises: `GatewiseError` if there is none of that number.
    """
    require_example(number, len(data.test), "images in the test set")
    batch, place = data.test.__getitems__([number]), int(data.test.numbers[number])
    pixels = data.files[place]
    image = Track("image", pixels=pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    explain = partial(
        explain_class, network, batch, data.classes, "where every pixel is as bright as the mean",
        lambda values: (values.sum((1, 2)), Track(NAME, strip=Strip(values.sum(2).T))),
    )  # fmt: skip
    return Example(
        batch,
        data.files.paths[place].name,
        (image, *attention_tracks(network, batch)),
        describe_prediction(network, batch, data.classes),
        attribute=lambda _: explain(),
    )

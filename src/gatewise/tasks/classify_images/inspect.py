"""Inspection of an image of the test set in a classifier."""

from __future__ import annotations

from functools import partial

from gatewise.modules.classifier import Classifier
from gatewise.report.attribution import NAME
from gatewise.report.example import Example, Strip, Track, require_example
from gatewise.tasks.attribution import attention_tracks
from gatewise.tasks.class_attribution import explain_class
from gatewise.tasks.classification import describe_prediction
from gatewise.tasks.classify_images.data import ImageData


def inspect_image(network: Classifier, data: ImageData, number: int) -> Example:
    """An image of the test set; 0 is the first.

    Raises: `GatewiseError` if there is no image of that number.
    """
    require_example(number, len(data.test), "images in the test set")
    batch, file_number = data.test.__getitems__([number]), int(data.test.numbers[number])
    pixels = data.test.files[file_number]
    image = Track("image", pixels=pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    explain = partial(
        explain_class,
        network,
        batch,
        data.classes,
        "where every pixel is as bright as the mean",
        lambda values: (values.sum((1, 2)), Track(NAME, strip=Strip(values.sum(2).T))),
    )
    return Example(
        batch,
        data.test.files.paths[file_number].name,
        (image, *attention_tracks(network, partial(network.logits, batch))),
        describe_prediction(network, batch, data.classes),
        attribute=lambda _: explain(),
    )

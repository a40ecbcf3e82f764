"""Inspection of a clip of the test set in a classifier."""

from __future__ import annotations

from functools import partial

import numpy as np

from gatewise.modules.classifier import Classifier
from gatewise.report.attribution import channel_track
from gatewise.report.example import Example, channels, require_example
from gatewise.tasks.attribution import attention_tracks
from gatewise.tasks.class_attribution import explain_class
from gatewise.tasks.classification import describe_prediction
from gatewise.tasks.frames.data import FrameData


def inspect_clip(network: Classifier, data: FrameData, number: int) -> Example:
    """A clip of the test set: the mean brightness of its frames, and their mean change; 0 is the first.

    Raises: `GatewiseError` if there is no clip of that number.
    """
    require_example(number, len(data.test), "clips in the test set")
    batch = data.test.__getitems__([number])
    frames = np.asarray(data.test.clips[data.test.numbers[number]], dtype=np.float64)
    flat = frames.reshape(len(frames), -1)
    changes = np.abs(np.diff(flat, axis=0, prepend=flat[:1])).mean(1)
    tracks = channels(("brightness", "change"), np.stack([flat.mean(1), changes], axis=1))
    explain = partial(
        explain_class,
        network,
        batch,
        data.classes,
        "where every frame is as bright as the mean",
        lambda values: (values.sum((1, 2, 3)), channel_track(values.sum((1, 2, 3))[:, None], ("frames",))),
    )
    return Example(
        batch,
        f"clip {number} of the test set",
        (*tracks, *attention_tracks(network, partial(network.logits, batch))),
        describe_prediction(network, batch, data.classes),
        unit="frame",
        attribute=lambda _: explain(),
    )

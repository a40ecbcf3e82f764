"""Inspection of a sequence of the test set in a classifier."""

from __future__ import annotations

from functools import partial

from gatewise.modules.classifier import Classifier
from gatewise.report.attribution import channel_track
from gatewise.report.example import Example, channels, require_example
from gatewise.tasks.attribution import attention_tracks
from gatewise.tasks.class_attribution import explain_class
from gatewise.tasks.classification import describe_prediction
from gatewise.tasks.classify.data import ClassifyData


def inspect_sequence(network: Classifier, data: ClassifyData, number: int) -> Example:
    """A sequence of the test set, with its channels in the units of the data; 0 is the first.

    Raises: `GatewiseError` if there is no sequence of that number.
    """
    require_example(number, len(data.test), "sequences in the test set")
    batch, table = data.test.__getitems__([number]), data.test.table
    explain = partial(
        explain_class,
        network,
        batch,
        data.classes,
        "where every channel is at its mean",
        lambda values: (values.sum(1), channel_track(values, table.channels)),
    )
    return Example(
        batch,
        f"sequence {table.ids[data.test.numbers[number]]}",
        (
            *channels(table.channels, data.test.unscaled(number)),
            *attention_tracks(network, partial(network.logits, batch)),
        ),
        describe_prediction(network, batch, data.classes),
        attribute=lambda _: explain(),
    )

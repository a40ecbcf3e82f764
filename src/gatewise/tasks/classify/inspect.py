"""Inspection of a sequence of the test set in a classifier."""

from __future__ import annotations

from gatewise.modules.classifier import Classifier
from gatewise.report.example import Example
from gatewise.tasks.class_attribution import explain_class
from gatewise.tasks.classification import describe_prediction
from gatewise.tasks.classify.data import ClassifyData
from gatewise.tasks.sequence_inspection import BASELINE, inspect_sequence


def inspect_class(network: Classifier, data: ClassifyData, number: int) -> Example:
    """A sequence of the test set, with its channels in the units of the data; 0 is the first.

    Raises: `GatewiseError` if there is no sequence of that number.
    """
    return inspect_sequence(
        network,
        network.logits,
        data.test,
        number,
        describe=lambda batch: describe_prediction(network, batch, data.classes),
        explain=lambda batch, show: explain_class(network, batch, data.classes, BASELINE, show),
    )

"""The options of classifying sequences."""

from __future__ import annotations

from pydantic import Field

from gatewise.tasks.options import Fraction, Rate
from gatewise.tasks.sequence_classifiers import (
    ClassifierDataOptions,
    ClassifierNetworkOptions,
    ClassifierOptions,
)


class ClassifyDataOptions(ClassifierDataOptions):
    """The data"""

    label: str | None = Field(
        None,
        description="Column of classes, by default recognized by its name; or several of 0 and 1, "
        "separated by commas, one for each label, if a sequence has any number of labels.",
    )
    validation_fraction: Fraction = Field(0.15, description="Fraction of each class in the validation set.")
    test_fraction: Fraction = Field(
        0.15, description="Fraction of each class in the test set, without a test file."
    )


class ClassifyNetworkOptions(ClassifierNetworkOptions):
    """The network"""

    label_smoothing: Rate = Field(
        0.1, description="Probability that the training loss distributes over all classes."
    )


class ClassifyOptions(ClassifyNetworkOptions, ClassifyDataOptions, ClassifierOptions):
    """The training"""

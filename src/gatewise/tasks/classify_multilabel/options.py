"""The options of classifying sequences that have any number of labels."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from gatewise.data.sequences.long_columns import LongColumns
from gatewise.tasks.classify_multilabel.thresholds import ThresholdKind
from gatewise.tasks.options import Fraction, Rate
from gatewise.tasks.sequence_classifiers import (
    ClassifierDataOptions,
    ClassifierNetworkOptions,
    ClassifierOptions,
)


class MultilabelDataOptions(ClassifierDataOptions):
    """The data"""

    label: tuple[str, ...] = Field(
        (),
        description="Columns of 0 and 1 (or no and yes), one for each label, separated by commas in a shell; "
        "or one column of sets of labels, by default recognized by its name.",
    )
    label_separator: str | None = Field(
        None,
        min_length=1,
        description="Separator of the labels in a cell, such as a semicolon: a sequence has any number of "
        "labels, none if its cell is empty.",
    )
    validation_fraction: Fraction = Field(0.15, description="Fraction of each label in the validation set.")
    test_fraction: Fraction = Field(
        0.15, description="Fraction of each label in the test set, without a test file."
    )

    @property
    def columns(self) -> LongColumns:
        return replace(
            super().columns, targets=self.label, multilabel=True, label_separator=self.label_separator
        )


class MultilabelNetworkOptions(ClassifierNetworkOptions):
    """The network"""

    label_smoothing: Rate = Field(
        0.0, description="Fraction by which the training loss moves each label towards one half."
    )
    thresholds: ThresholdKind = Field(
        "half",
        description="Probability at which a label is predicted: one half, or for each label the one "
        "with the highest F1 on the validation set.",
    )


class MultilabelOptions(MultilabelNetworkOptions, MultilabelDataOptions, ClassifierOptions):
    """The training"""

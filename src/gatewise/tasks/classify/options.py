"""The options of classifying sequences."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gatewise.data.sequences.augmentation import Augmentation
from gatewise.modules.sequence_encoder import ConvolutionKind
from gatewise.tasks.options import Count, Depth, Fraction, Rate, TaskOptions
from gatewise.tasks.sequence_options import SequenceDataOptions, SequenceNetworkOptions


class ClassifyDataOptions(SequenceDataOptions):
    """The data"""

    label: str | None = Field(
        None,
        description="Column of classes, by default recognized by its name; or several of 0 and 1, "
        "separated by commas, one for each label, if a sequence has any number of labels.",
    )
    class_weights: Literal["equal", "balanced"] = Field(
        "equal",
        description="Give each example, or each class of the training set, the same weight in the loss.",
    )
    folds: Annotated[int, Field(ge=1, le=100)] = Field(
        1,
        description="Folds of a cross-validation: for each fold a network is trained on the others, and the "
        "probabilities are averaged; 1 for one validation set.",
    )
    validation_fraction: Fraction = Field(0.15, description="Fraction of each class in the validation set.")
    test_fraction: Fraction = Field(
        0.15, description="Fraction of each class in the test set, without a test file."
    )


class ClassifyNetworkOptions(SequenceNetworkOptions):
    """The network"""

    network: Literal["hybrid", "lstm-fcn", "stack"] = Field(
        "hybrid",
        description="Recurrent layers averaged with ridge regression on random convolutions (MiniRocket); "
        "recurrent layers beside convolutions that are trained too (LSTM-FCN); or recurrent layers alone.",
    )
    convolutions: ConvolutionKind = Field(
        "plain",
        description="Convolutions of an LSTM-FCN: three plain blocks with squeeze-and-excitation, or "
        "the six inception blocks of InceptionTime.",
    )
    ensemble: Depth = Field(
        1, description="Number of networks that are trained together; their probabilities are averaged."
    )
    label_smoothing: Rate = Field(
        0.1, description="Probability that the training loss distributes over all classes."
    )


class ClassifyOptions(TaskOptions, ClassifyNetworkOptions, ClassifyDataOptions):
    """The training"""

    augmentation: tuple[Augmentation, ...] = Field(
        (),
        description="Random changes of training sequences: jitter, scaling, warping, mixup; separated by "
        "commas in a shell.",
    )
    min_steps_per_epoch: Count = Field(
        50, description="The minimum number of steps per epoch; small datasets are repeated."
    )

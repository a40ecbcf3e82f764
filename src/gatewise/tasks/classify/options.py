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
        description="Column of classes, by default recognized by its name; or several of 0 and 1, with "
        "commas, one for each label, if a sequence has any number of labels.",
    )
    class_weights: Literal["equal", "balanced"] = Field(
        "equal",
        description="Weigh each example the same, or each class of the training set the same in the loss.",
    )
    folds: Annotated[int, Field(ge=1, le=100)] = Field(
        1,
        description="Folds of a cross-validation: a network for each is trained on the others, and their "
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
        1, description="Networks that are trained together; their probabilities are averaged."
    )
    label_smoothing: Rate = Field(
        0.1, description="Probability that the training loss distributes over all classes."
    )


class ClassifyOptions(TaskOptions, ClassifyNetworkOptions, ClassifyDataOptions):
    """The training"""

    augmentation: tuple[Augmentation, ...] = Field(
        (),
        description="Random changes of training sequences, separated by commas: jitter, scaling, warping, "
        "mixup.",
    )
    min_steps_per_epoch: Count = Field(
        50, description="Optimizer steps per epoch, at least; small datasets are repeated within an epoch."
    )

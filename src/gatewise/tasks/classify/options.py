"""The options of classifying sequences."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gatewise.data.sequences.augmentation import Augmentation
from gatewise.data.sequences.long_table import Fill
from gatewise.modules.pooling import PoolingMode
from gatewise.modules.sequence_classifier import ConvolutionKind
from gatewise.tasks.options import Count, Depth, Fraction, Rate, StackOptions, TableOptions, TaskOptions


class ClassifyDataOptions(TableOptions):
    """The data"""

    id: str | None = Field(None, description="Column of sequence ids; by default recognized by its name.")
    time: str | None = Field(
        None, description="Column that orders the steps; by default the order of the rows."
    )
    label: str | None = Field(None, description="Column of classes; by default recognized by its name.")
    weight: str | None = Field(
        None, description="Column of weights, one for each sequence, which multiply its training loss."
    )
    group: str | None = Field(
        None,
        description="Column of groups, one for each sequence, such as persons; no group is in two sets.",
    )
    class_weights: Literal["equal", "balanced"] = Field(
        "equal",
        description="Weigh each example the same, or each class of the training set the same in the loss.",
    )
    channels: tuple[str, ...] = Field(
        (), description="Columns of values, separated by commas; by default all others."
    )
    fill: Fill | None = Field(None, description="How to fill empty cells; by default they raise an error.")
    test_file: str | None = Field(
        None, description="File of the test set; by default X_TEST beside X_TRAIN, if there is one."
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


class ClassifyNetworkOptions(StackOptions):
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
    dropout: Rate = Field(0.3, description="Dropout between layers, and before the output layer.")
    bidirectional: bool = Field(True, description="Run the layers in both directions.")
    pooling: PoolingMode = Field("max", description="Pooling over the steps: last, mean, max or attention.")
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

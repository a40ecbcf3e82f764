"""The options of predicting numbers from sequences."""

from __future__ import annotations

from pydantic import Field

from gatewise.modules.pooling import PoolingMode
from gatewise.tasks.options import DROPOUT, Count, Fraction, Rate, TaskOptions
from gatewise.tasks.regress.regressor import LossKind
from gatewise.tasks.sequence_options import SequenceDataOptions, SequenceNetworkOptions


class RegressDataOptions(SequenceDataOptions):
    """The data"""

    target: tuple[str, ...] = Field(
        (),
        description="Column of the number to predict, or several, separated by commas in a shell; by default "
        "recognized by its name.",
    )
    validation_fraction: Fraction = Field(
        0.15, description="Fraction of the sequences in the validation set."
    )
    test_fraction: Fraction = Field(
        0.15, description="Fraction of the sequences in the test set, without a test file."
    )


class RegressNetworkOptions(SequenceNetworkOptions):
    """The network"""

    dropout: Rate = Field(
        0.0, description="Dropout between layers, and before the output layer.", json_schema_extra=DROPOUT
    )
    pooling: PoolingMode = Field("mean", description="Pooling over the steps: last, mean, max or attention.")


class RegressOptions(TaskOptions, RegressNetworkOptions, RegressDataOptions):
    """The training"""

    loss: LossKind = Field(
        "squared",
        description="Loss of a target, in standard deviations of the training set: squared, absolute, or "
        "huber, which is squared for errors below one standard deviation and linear above.",
    )
    min_steps_per_epoch: Count = Field(
        50, description="The minimum number of steps per epoch; small datasets are repeated."
    )

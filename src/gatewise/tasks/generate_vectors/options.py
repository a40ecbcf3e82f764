"""The options of generating sequences of vectors, and of sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from gatewise.tasks.options import (
    DROPOUT,
    Count,
    CountOrAuto,
    Fraction,
    Options,
    Rate,
    Size,
    StackOptions,
    TableOptions,
    TaskOptions,
)

if TYPE_CHECKING:
    pass


class VectorOptions(TableOptions):
    """The data"""

    id: str | None = Field(None, description="The column of sequence identifiers.")
    time: str | None = Field(
        None, description="The column that orders the steps; by default the order of the rows."
    )
    channels: tuple[str, ...] = Field(
        (), description="The columns of values, separated by commas in a shell; by default all others."
    )
    differences: tuple[str, ...] = Field(
        (), description="Columns of positions, such as those of a pen, whose differences are modelled."
    )
    split_column: str | None = Field(
        None, description="A column with the values train, validation and test; random by default."
    )
    fill: Literal["forward"] | None = Field(
        None, description="How to fill empty cells; by default they raise an error."
    )
    validation_fraction: Fraction = Field(
        0.15, description="Fraction of the sequences in the validation set."
    )
    test_fraction: Fraction = Field(0.15, description="Fraction of the sequences in the test set.")
    steps: Count = Field(
        512, description="The length of the segments that longer sequences are split into in training."
    )


class VectorNetworkOptions(StackOptions):
    """The network"""

    hidden: Size = Field(200, description="Units of a layer.")
    dropout: Rate = Field(
        0.2, description="Dropout between layers, and before the head.", json_schema_extra=DROPOUT
    )
    components: Size = Field(20, description="Components of the Gaussian mixture of the real channels.")
    skip: bool = Field(False, description="Let layers above the first read the vector too.")
    input_scale: float = Field(
        1.0,
        gt=0,
        description="Factor by which inputs are multiplied; above 1 for channels that are almost always 0.",
    )


class GenerateVectorsOptions(TaskOptions, VectorNetworkOptions, VectorOptions):
    """The training"""

    epochs: Count = Field(100, description="The maximum number of epochs.")
    patience: Count = Field(8, description="Epochs without a better validation score before training stops.")
    learning_rate: float = Field(2e-3, gt=0, description="Learning rate of AdamW.")


class VectorSampling(Options):
    """Sampling"""

    length: CountOrAuto = Field(
        0, description="Number of steps to sample; 0 for the median length of the data."
    )
    count: Count = Field(3, description="Number of sequences to sample.")
    bias: float = Field(
        0.0, ge=0, le=100, description="Above 0, real channels are sampled closer to their mode."
    )
    seed: int | None = Field(
        None, ge=0, lt=2**63, description="Seed of the random number generator, to repeat a sample."
    )

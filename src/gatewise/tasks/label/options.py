"""The options of labelling steps."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gatewise.tasks.options import (
    DROPOUT,
    ColumnName,
    CountOrAuto,
    Fraction,
    Rate,
    Size,
    StackOptions,
    TaskOptions,
)
from gatewise.tasks.sequence_options import GapOptions


class LabelDataOptions(GapOptions):
    """The data"""

    head: Literal["steps", "ctc"] = Field(
        "steps",
        description="A label for each step; ctc: a text for each sequence, which is the task transcribe.",
    )
    token: ColumnName | None = Field(
        None,
        description="Column of tokens; of a text its number, 1 if not given; of a table of words its name, "
        "by default recognized.",
    )
    label: ColumnName | None = Field(
        None, description="Column of labels; of a text its number, the last if not given."
    )
    id: str | None = Field(None, description="Of a table: the column of sequence ids.")
    time: str | None = Field(None, description="Of a table: the column that orders the steps.")
    channels: tuple[str, ...] = Field(
        (), description="Of a table: the columns of values; all others if not given."
    )
    chunk_length: CountOrAuto = Field(
        0, description="Longer sequences are split into chunks of this many steps; 0 chooses the number."
    )
    validation_fraction: Fraction = Field(0.15, description="Fraction in the validation set, without a file.")
    test_fraction: Fraction = Field(0.15, description="Fraction in the test set, without a file.")


class LabelNetworkOptions(StackOptions):
    """The network"""

    dropout: Rate = Field(
        0.1, description="Dropout before, between and after the layers.", json_schema_extra=DROPOUT
    )
    bidirectional: bool = Field(True, description="Run the layers in both directions.")
    embedding: Size = Field(64, description="Of a text: the size of a word's embedding.")
    char_hidden: Size = Field(
        24, description="Of a text: units of each direction of the layer over a word's characters."
    )
    word_dropout: Rate = Field(
        0.1, description="Of a text: fraction of words replaced by the unknown word in training."
    )


class LabelOptions(TaskOptions, LabelNetworkOptions, LabelDataOptions):
    """The training"""

    learning_rate: float = Field(3e-3, gt=0, description="Learning rate of AdamW.")

"""The options of labelling steps."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gatewise.tasks.options import (
    DROPOUT,
    ColumnName,
    ColumnNames,
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
        description="Predict a label for each step; with ctc, a text for each sequence, by the task "
        "transcribe.",
    )
    token: ColumnName | None = Field(
        None,
        description="Column of tokens: for texts its number, by default 1; for tables of words its name, by "
        "default recognized.",
    )
    label: ColumnName | None = Field(
        None, description="Column of labels: for texts its number, by default the last; for tables its name."
    )
    id: ColumnNames = Field(
        None, description="For tables: the column of sequence ids, or several separated by commas."
    )
    time: str | None = Field(None, description="For tables: the column that orders the steps.")
    channels: tuple[str, ...] = Field(
        (), description="For tables: the columns of values; by default all others."
    )
    chunk_length: CountOrAuto = Field(
        0, description="Number of steps of the chunks into which longer sequences are split; 0 chooses it."
    )
    validation_fraction: Fraction = Field(
        0.15, description="Fraction in the validation set, without a file for it."
    )
    test_fraction: Fraction = Field(0.15, description="Fraction in the test set, without a file for it.")


class LabelNetworkOptions(StackOptions):
    """The network"""

    dropout: Rate = Field(
        0.1, description="Dropout before, between and after the layers.", json_schema_extra=DROPOUT
    )
    bidirectional: bool = Field(True, description="Run the layers in both directions.")
    embedding: Size = Field(64, description="For texts: the size of a word's embedding.")
    char_hidden: Size = Field(
        24, description="For texts: units of each direction of the layer over a word's characters."
    )
    word_dropout: Rate = Field(
        0.1, description="For texts: fraction of words replaced by the unknown word in training."
    )


class LabelOptions(TaskOptions, LabelNetworkOptions, LabelDataOptions):
    """The training"""

    learning_rate: float = Field(3e-3, gt=0, description="Learning rate of AdamW.")

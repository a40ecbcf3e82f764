"""The options of translation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from gatewise.tasks.options import (
    DROPOUT,
    Count,
    Depth,
    Fraction,
    Rate,
    Size,
    StackOptions,
    TaskOptions,
    TextTableOptions,
)


class TranslateDataOptions(TextTableOptions):
    """The pairs"""

    target_file: str | None = Field(
        None, description="The file of targets, line by line, if DATA is a text file of sources."
    )
    source: str | None = Field(
        None, description="The column of sources; by default the one of that name, or the first."
    )
    target: str | None = Field(
        None, description="The column of targets; by default the one of that name, or the second."
    )
    validation_file: tuple[str, ...] = Field(
        (), description="Pairs of the validation set: a table, or two text files separated by a comma."
    )
    test_file: tuple[str, ...] = Field(
        (), description="Pairs of the test set: a table, or two text files separated by a comma."
    )
    validation_fraction: Fraction = Field(
        0.1, description="Fraction of the pairs in the validation set, without a file for it; at most 5000."
    )
    test_fraction: Fraction = Field(
        0.1, description="Fraction of the pairs in the test set, without a file for it; at most 5000."
    )
    tokenizer: Literal["words", "characters", "bpe"] = Field("words", description="The symbols of a text.")
    vocabulary: Count = Field(
        8000, description="The maximum number of symbols in the vocabulary of each side."
    )
    min_count: Count = Field(2, description="Occurrences in the training set below which a word is unknown.")
    lowercase: bool = Field(False, description="Convert texts to lower case, including references.")
    max_length: Count = Field(
        200,
        description="The maximum number of symbols in a text; pairs of longer ones are left out of training.",
    )

    @field_validator("target_file", "validation_file", "test_file", mode="after")
    @classmethod
    def _from_anywhere(cls, value: Any) -> Any:
        """A run can be resumed from another folder."""
        if isinstance(value, tuple):
            return tuple(str(Path(file).resolve()) for file in value)
        return None if value is None else str(Path(value).resolve())


class TranslateNetworkOptions(StackOptions):
    """The network"""

    hidden: Size = Field(
        512, description="Hidden units of a layer; each direction of a bidirectional encoder has half."
    )
    dropout: Rate = Field(
        0.3,
        description="Dropout of embeddings, between layers, and before the softmax.",
        json_schema_extra=DROPOUT,
    )
    embedding: Size = Field(256, description="Size of a symbol's vector.")
    attention: Literal["luong", "bahdanau", "none"] = Field(
        "luong", description="Attention over the source; luong is faster."
    )
    bidirectional: bool = Field(True, description="Use a bidirectional encoder.")
    reverse_source: bool = Field(
        False, description="Encode the source from its end, with a unidirectional encoder."
    )
    beam: Depth = Field(5, description="Hypotheses of the beam search.")
    length_penalty: float = Field(
        1.0,
        ge=0,
        description="Length penalty of the beam search: 0 prefers short outputs, 1 and above long ones.",
    )

    @property
    def direction_units(self) -> int:
        return self.hidden // (1 + self.bidirectional)


class TranslateOptions(TaskOptions, TranslateNetworkOptions, TranslateDataOptions):
    """The training"""

    epochs: Count = Field(20, description="The maximum number of epochs.")
    patience: Count = Field(4, description="Epochs without a better validation score before training stops.")
    schedule: Literal["plateau", "cosine"] = Field(
        "cosine", description="Lower the learning rate when the validation score stalls, or along a cosine."
    )
    label_smoothing: Rate = Field(0.1, description="Probability mass that is distributed over all symbols.")
    teacher_forcing: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Final fraction of true symbols among the decoder inputs; falls linearly from 1.",
    )

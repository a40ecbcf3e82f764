"""The options of captioning images."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from gatewise.data.images.images import Colour
from gatewise.data.tokenizers.sentences import TokenUnit
from gatewise.tasks.caption.encoder import EncoderKind
from gatewise.tasks.options import (
    DROPOUT,
    Count,
    CountOrAuto,
    Depth,
    Fraction,
    Options,
    Rate,
    Size,
    StackOptions,
    TaskOptions,
)


class CaptionDataOptions(Options):
    """The captions"""

    images: str | None = Field(
        None, description="The folder of the images; by default the folder of the table."
    )
    file: str | None = Field(None, description="The column of image files; by default the one of that name.")
    caption: str | None = Field(None, description="The column of captions; by default the one of that name.")
    split_column: str | None = Field(None, description="A column with the values train, validation and test.")
    validation_fraction: Fraction = Field(
        0.1, description="Fraction of the images in the validation set, without a split column."
    )
    test_fraction: Fraction = Field(
        0.1, description="Fraction of the images in the test set, without a split column."
    )
    size: str | None = Field(None, description="Resize images to HEIGHTxWIDTH, or to HEIGHTx for any width.")
    colour: Colour = Field("auto", description="Read images as grey, in colour, or unchanged.")
    tokenizer: TokenUnit = Field("words", description="The symbols of a text.")
    vocabulary: Count = Field(8000, description="The maximum number of symbols.")
    min_count: Count = Field(2, description="Occurrences in the training set below which a word is unknown.")
    lowercase: bool = Field(False, description="Convert texts to lower case, including references.")

    @field_validator("images", mode="after")
    @classmethod
    def _from_anywhere(cls, value: str | None) -> str | None:
        """A run can be resumed from another folder."""
        return None if value is None else str(Path(value).resolve())


class CaptionNetworkOptions(StackOptions):
    """The network"""

    hidden: Size = Field(
        128, description="Hidden units of a layer; each direction of the encoder of columns has half."
    )
    dropout: Rate = Field(
        0.2,
        description="Dropout of embeddings, between layers, and before the softmax.",
        json_schema_extra=DROPOUT,
    )
    filters: tuple[Size, ...] = Field(
        (16, 32), min_length=1, description="Filters of each convolution block; a block halves the image."
    )
    encoder: EncoderKind = Field(
        "columns", description="The decoder attends to encoded columns of the image, or to all positions."
    )
    embedding: Size = Field(64, description="Size of a symbol's vector.")
    attention: Literal["bahdanau", "luong", "none"] = Field(
        "bahdanau", description="Attention over the encoder's outputs; luong is faster."
    )
    beam: Depth = Field(3, description="Hypotheses of the beam search.")
    length_penalty: float = Field(
        1.0,
        ge=0,
        description="Length penalty of the beam search: 0 prefers short outputs, 1 and above long ones.",
    )

    @property
    def direction_units(self) -> int:
        return self.hidden // 2 if self.encoder == "columns" else self.hidden


class CaptionOptions(TaskOptions, CaptionNetworkOptions, CaptionDataOptions):
    """The training"""

    epochs: Count = Field(30, description="The maximum number of epochs.")
    batch_size: CountOrAuto = Field(
        32, description="Captions in a batch, over all devices; 0 chooses the number from the data."
    )
    learning_rate: float = Field(2e-3, gt=0, description="Learning rate of AdamW.")

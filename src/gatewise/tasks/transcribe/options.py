"""The options of transcription."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gatewise.data.images.images import Colour
from gatewise.data.sequences.missing import MaskedFill
from gatewise.data.tokenizers.transcripts import TranscriptUnit
from gatewise.modules.strip_fronts import Front
from gatewise.tasks.options import (
    DROPOUT,
    CountOrAuto,
    Fraction,
    Rate,
    StackOptions,
    TableOptions,
    TaskOptions,
)


class TranscribeDataOptions(TableOptions):
    """The data"""

    head: Literal["ctc"] = Field("ctc", description="The head of this task; label --head ctc selects it.")
    label: str | None = Field(None, description="The column of texts; by default recognized by its name.")
    id: str | None = Field(None, description="The column of image files or of sequence identifiers.")
    tokenizer: TranscriptUnit = Field("characters", description="The symbols of a text.")
    colour: Colour = Field("auto", description="Read images as grey, in colour, or unchanged.")
    height: CountOrAuto = Field(0, description="Height in pixels to which images are resized; 0 chooses it.")
    targets: str | None = Field(
        None,
        description="For long tables: a table of id and text; by default the table has a column of texts.",
    )
    time: str | None = Field(None, description="For long tables: the column that orders the steps.")
    channels: tuple[str, ...] = Field(
        (), description="For long tables: the columns of values; by default all others."
    )
    fill: MaskedFill | None = Field(
        None,
        description="How to treat empty cells; by default they raise an error. forward repeats the value "
        "before; with mask the network also reads which values are missing, and since when.",
    )
    split_column: str | None = Field(
        None, description="A column with the values train, validation and test; random by default."
    )
    validation_fraction: Fraction = Field(0.15, description="Fraction of the texts in the validation set.")
    test_fraction: Fraction = Field(0.15, description="Fraction of the texts in the test set.")


class TranscribeNetworkOptions(StackOptions):
    """The network"""

    dropout: Rate = Field(
        0.1, description="Dropout before, between and after the layers.", json_schema_extra=DROPOUT
    )
    bidirectional: bool = Field(True, description="Run the layers in both directions.")
    front: Front = Field(
        "none", description="Feature extraction of images before the layers read their columns."
    )
    stack_frames: CountOrAuto = Field(
        0, description="Consecutive steps concatenated into one; 0 chooses the number."
    )
    beam: CountOrAuto = Field(8, description="Prefixes of the beam search; 0 takes the best path.")


class TranscribeOptions(TaskOptions, TranscribeNetworkOptions, TranscribeDataOptions):
    """The training"""

    learning_rate: float = Field(3e-3, gt=0, description="Learning rate of AdamW.")

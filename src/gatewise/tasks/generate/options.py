"""The options of language models and of sampling from them."""

from __future__ import annotations

from typing import Literal

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
    TaskOptions,
)


class TextOptions(Options):
    """The text"""

    tokenizer: Literal["characters", "bytes", "words", "bpe"] = Field(
        "characters", description="The symbols of the text."
    )
    vocabulary: CountOrAuto = Field(
        0,
        description="The maximum number of symbols; 0 for all characters, all words that occur twice, or "
        "2000 byte pairs.",
    )
    files: str = Field(
        "*.txt", min_length=1, description="Pattern of the names of files to read in a folder."
    )
    validation_fraction: Fraction = Field(
        0.05, description="Fraction of the text in the validation set, before the test set."
    )
    test_fraction: Fraction = Field(0.1, description="Fraction at the end of the text in the test set.")
    steps: Count = Field(128, description="Steps of truncated backpropagation through time.")
    steps_per_epoch: CountOrAuto = Field(
        0,
        description="The maximum number of steps in an epoch; the next epoch continues there. 0 for all.",
    )


class LanguageOptions(StackOptions):
    """The network"""

    hidden: Size = Field(512, description="Units of a layer.")
    network: Literal["stack", "blocks"] = Field(
        "stack",
        description="Layers, or residual blocks around them: with the cell mlstm those of xLSTM, with rglru "
        "those of Griffin.",
    )
    embedding: Size = Field(128, description="Size of a symbol's vector.")
    tied: bool = Field(False, description="Use one matrix for the embedding and the softmax.")
    dropout: Rate = Field(
        0.3,
        description="Dropout of the embedding, between layers, and before the softmax.",
        json_schema_extra=DROPOUT,
    )
    dropout_mask: Literal["step", "sequence"] = Field(
        "step", description="Draw a dropout mask for each step, or one for all steps of a sequence."
    )
    embedding_dropout: Rate = Field(
        0.0, description="Probability that a symbol's vector is zero wherever it occurs."
    )
    weight_dropout: Rate = Field(
        0.0, description="Probability that a recurrent weight is zero for a whole sequence."
    )


class GenerateOptions(TaskOptions, LanguageOptions, TextOptions):
    """The training"""

    epochs: Count = Field(20, description="The maximum number of epochs.")
    batch_size: Count = Field(32, description="Streams in a batch, over all devices.")
    learning_rate: float = Field(2e-3, gt=0, description="Learning rate of AdamW.")
    schedule: Literal["plateau", "cosine"] = Field(
        "cosine",
        description="Lower the learning rate when the validation score stalls, or along a cosine.",
    )
    weight_decay: float = Field(0.01, ge=0, description="Weight decay of AdamW.")


class TextSampling(Options):
    """Sampling"""

    length: Count = Field(500, description="Number of symbols to sample.")
    seed: int | None = Field(
        None, ge=0, lt=2**63, description="Seed of the random number generator, to repeat a sample."
    )
    prime: str = Field("", description="The text to continue; a new line if not given.")
    temperature: float = Field(
        0.8, ge=0, le=1000, description="Below 1 favours probable symbols; 0 takes the most probable one."
    )
    top_k: CountOrAuto = Field(0, description="Sample from the k most probable symbols; 0 for all.")
    top_p: float = Field(
        1.0, ge=0, le=1, description="Sample from the most probable symbols with this total probability."
    )

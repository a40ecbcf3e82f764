"""The probabilities of the labels of each step, from raw channels or from words."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from gatewise.data.labels.channel_steps import ChannelBatch
from gatewise.data.labels.labelled import StepBatch
from gatewise.data.labels.labelled_table import TablePreprocessing
from gatewise.data.labels.labelled_text import TextPreprocessing
from gatewise.data.labels.token_steps import TokenBatch
from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.shipping.deployed import Deployed, Field, valid_steps
from gatewise.tasks.deployed_gaps import GapReader
from gatewise.tasks.deployed_sequences import (
    LENGTHS,
    ScaledValues,
    drawn_lengths,
    drawn_sequences,
    sequence_inputs,
)
from gatewise.tasks.label.data import Preprocessing
from gatewise.tasks.label.network import Labeller, LabelNetwork

WORD_LENGTH = "letter"  # the axis of the letters of words
NOTE = "longer sequences are cut into segments of at most `max_length` steps, and each segment begins anew"


class DeployedLabeller(Deployed):
    """The probability of each label at each step, zero beyond the end of a sequence.

    network: a trained labeller; form: how its data were read; inputs: its fields; description: more of it
    """

    network: Labeller

    def __init__(
        self,
        network: Labeller,
        form: TablePreprocessing | TextPreprocessing,
        inputs: Sequence[Field],
        description: dict[str, Any],
    ) -> None:
        about = f"the probability of each label, in the order of `labels`; {NOTE}"
        result = Field("probabilities", "float32", ("batch", "time", len(form.labels)), about)
        common = {"task": "label", "labels": list(form.labels), "max_length": form.max_length}
        super().__init__(inputs, [result], {**common, **description})
        self.network = network.eval()

    @abstractmethod
    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]: ...

    def probabilities(self, batch: StepBatch) -> tuple[Tensor]:
        """[B, T, K]."""
        found = self.network(batch).softmax(-1)
        return (found * valid_steps(found, batch.lengths),)


class DeployedChannelLabeller(DeployedLabeller):
    """A labeller of steps of numbers."""

    scaled: ScaledValues
    gaps: GapReader

    def __init__(self, network: LabelNetwork, form: TablePreprocessing) -> None:
        channels = list(form.columns.channels) or None
        reader = GapReader(form.gaps, form.unit_of_time)
        inputs = [*sequence_inputs(len(form.scales), "float32", reader.is_masked), *reader.fields()]
        super().__init__(network, form, inputs, {"channels": channels, "fill": form.fill})
        self.scaled, self.gaps = ScaledValues(form.scales, torch.float32), reader

    def forward(self, values: Tensor, lengths: Tensor, times: Tensor | None = None) -> tuple[Tensor]:
        scaled, gaps = self.gaps.read(self.scaled(values, lengths), lengths, times)
        batch = ChannelBatch(scaled, lengths, lengths.new_zeros(values.shape[:2]), gaps)
        (found,) = self.probabilities(batch)
        return (self.gaps.without_missing(found, values, lengths),)

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        return drawn_sequences(self.scaled, sizes, random, self.gaps)


class DeployedWordLabeller(DeployedLabeller):
    """A labeller of words, which reads the number of each word and those of its letters."""

    word_count: int
    letter_count: int

    def __init__(self, network: LabelNetwork, form: TextPreprocessing) -> None:
        words = "the number of each word among `words`, from 1; 0 if it is not there: in lower case, in "
        words += "Unicode's form NFC, each digit as 0"
        letters = (
            "the numbers of the letters of each word among `letters`, from 1; 0 if one is not there; of a "
        )
        letters += "word of more than 32 letters the first 16 and the last 16"
        steps = ("batch", "time")
        inputs = [
            Field("words", "int64", steps, words),
            Field("letters", "int64", (*steps, WORD_LENGTH), letters),
            Field("sizes", "int64", steps, "the letters of each word, 0 beyond the end of a sentence"),
            replace(LENGTHS, about="the words of each sentence, at least 1"),
        ]
        tokenizer = form.tokenizer
        vocabularies = {"words": list(tokenizer.words), "letters": list(tokenizer.letters)}
        super().__init__(network, form, inputs, vocabularies)
        self.word_count, self.letter_count = 1 + len(tokenizer.words), 1 + len(tokenizer.letters)

    def forward(self, words: Tensor, letters: Tensor, sizes: Tensor, lengths: Tensor) -> tuple[Tensor]:
        rows, steps = words.shape
        spellings = torch.arange(rows * steps, device=words.device).view(rows, steps)
        spelled, counts = letters.flatten(0, 1), sizes.flatten()
        batch = TokenBatch(words, spellings, spelled, counts, lengths, torch.zeros_like(words))
        return self.probabilities(batch)

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        rows, steps, longest = sizes["batch"], sizes["time"], 2 + sizes["time"] % 7
        lengths = drawn_lengths(rows, steps, random)
        counts = torch.randint(1, longest + 1, (rows, steps), generator=random)
        return {
            "words": torch.randint(self.word_count, (rows, steps), generator=random),
            "letters": torch.randint(self.letter_count, (rows, steps, longest), generator=random),
            "sizes": counts * (torch.arange(steps) < lengths[:, None]),
            "lengths": lengths,
        }


def deployed(network: Network, preprocessing: Preprocessing) -> DeployedLabeller:
    """The deployed form of a labeller. Raises: `GatewiseError` if it can't be exported."""
    if not isinstance(network, LabelNetwork):
        raise GatewiseError(
            f"this labeller can't be exported: it is the baseline {type(network).__name__}; give a network"
        )
    form = preprocessing.form
    if isinstance(form, TextPreprocessing):
        return DeployedWordLabeller(network, form)
    return DeployedChannelLabeller(network, form)

"""The logarithms of the probabilities of symbols at each step, from raw channels or from pixels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.data.labels.transcribed_lines import LinePreprocessing
from gatewise.data.labels.transcribed_signals import SignalPreprocessing
from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.shipping.deployed import Deployed, Field, valid_steps, without_missing
from gatewise.tasks.deployed_images import PixelReader
from gatewise.tasks.deployed_sequences import ScaledValues, drawn_sequences, sequence_inputs
from gatewise.tasks.transcribe.data import Preprocessing
from gatewise.tasks.transcribe.network import TranscriptNetwork


class DeployedTranscriber(Deployed):
    """What a search of CTC reads.

    network: a trained transcriber; form: how its data were read; inputs: its fields; description: more of it
    """

    network: TranscriptNetwork

    def __init__(
        self,
        network: TranscriptNetwork,
        form: LinePreprocessing | SignalPreprocessing,
        inputs: list[Field],
        description: dict[str, Any],
    ) -> None:
        about = (
            "the logarithm of the probability of the blank, 0, and of each symbol, from 1, at each step; a "
        )
        about += "text merges equal neighbours of a path and then removes blanks"
        results = [
            Field("log_probabilities", "float32", ("batch", "steps", 1 + network.symbols), about),
            Field("steps", "int64", ("batch",), "the steps of each sequence; those beyond are padding"),
        ]
        common = {"task": "transcribe", "symbols": list(form.tokenizer.symbols), "unit": form.tokenizer.kind}
        super().__init__(inputs, results, {**common, **description})
        self.network = network.eval()

    def transcribed(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The results for scaled values [B, T, C]."""
        logits, steps = self.network(values, lengths)
        return logits.log_softmax(-1), steps


class DeployedSignals(DeployedTranscriber):
    """A transcriber of sequences of numbers."""

    scaled: ScaledValues

    def __init__(self, network: TranscriptNetwork, form: SignalPreprocessing) -> None:
        channels = list(form.columns.channels) or None
        description = {"channels": channels, "fill": form.fill}
        super().__init__(network, form, sequence_inputs(len(form.scales)), description)
        self.scaled = ScaledValues(form.scales)

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        found, steps = self.transcribed(self.scaled(values, lengths), lengths)
        return without_missing(found, values.isnan() & valid_steps(values, lengths)), steps

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        return drawn_sequences(self.scaled, sizes, random)


class DeployedLines(DeployedTranscriber):
    """A transcriber of images of lines of text, all of one height."""

    def __init__(self, network: TranscriptNetwork, form: LinePreprocessing) -> None:
        reader = PixelReader(form.image)
        super().__init__(network, form, reader.fields(), {})
        self.reader = reader

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        columns = self.reader(images, sizes).transpose(1, 2).flatten(2)
        return self.transcribed(columns, sizes[:, 1])

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        return self.reader.example(sizes["batch"], sizes["time"], random)


def deployed(network: Network, preprocessing: Preprocessing) -> DeployedTranscriber:
    """The deployed form of a transcriber. Raises: `GatewiseError` if it can't be exported."""
    if not isinstance(network, TranscriptNetwork):
        raise GatewiseError(
            f"this model can't be exported: it is the baseline {type(network).__name__}; give a network"
        )
    form = preprocessing.form
    return (
        DeployedLines(network, form)
        if isinstance(form, LinePreprocessing)
        else DeployedSignals(network, form)
    )

"""Networks of whole sequences from raw values: scaled, and without padding."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gatewise.data.sequences.reading import SequencePreprocessing
from gatewise.data.series.scaling import Scale
from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.modules.random_convolutions import RandomConvolutions
from gatewise.shipping.deployed import Deployed, Field


class ScaledValues(torch.nn.Module):
    """`(value - mean) / deviation` of each channel, zero where a step is padding."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, scales: Sequence[Scale]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([one.mean for one in scales], dtype=torch.float64))
        self.register_buffer(
            "deviation", torch.tensor([one.deviation for one in scales], dtype=torch.float64)
        )

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """values [B, T, C] float64, lengths [B] -> [B, T, C] float32."""
        valid = torch.arange(values.shape[1], device=values.device) < lengths[:, None]
        scaled = ((values - self.mean) / self.deviation).float()
        return torch.where(valid[:, :, None], scaled, torch.zeros_like(scaled))

    def drawn(self, rows: int, steps: int, random: torch.Generator) -> Tensor:
        """Plausible values [B, T, C]."""
        drawn = torch.randn(rows, steps, len(self.mean), generator=random, dtype=torch.float64)
        return drawn * self.deviation + self.mean


class DeployedSequences(Deployed):
    """One result for each sequence of channels.

    network: as it was trained; preprocessing: of its data; result: the field of what it computes
    description: what stays outside, beside the channels

    Raises: `GatewiseError` if the network reads which values are missing, or elapsed times.
    """

    def __init__(
        self,
        network: Network,
        preprocessing: SequencePreprocessing,
        result: Field,
        description: dict[str, Any],
    ) -> None:
        if preprocessing.gaps != "none":
            raise GatewiseError(
                "this model can't be exported: it reads missing values or irregular times (--fill mask, "
                "--irregular); train it without"
            )
        super().__init__(
            sequence_inputs(len(preprocessing.scales)),
            [result],
            {**description, **described_channels(preprocessing)},
        )
        self.network = network.eval()
        if any(isinstance(one, RandomConvolutions) for one in network.modules()):
            self.tolerance = 1e-4  # the last bit decides whether a value is above a threshold
        self.scaled = ScaledValues(preprocessing.scales)

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor]:
        """The results [B, ...] of sequences [B, T, C] of these lengths [B], all positive."""
        return (self.result(self.scaled(values, lengths), lengths),)

    @abstractmethod
    def result(self, values: Tensor, lengths: Tensor) -> Tensor:
        """The results, from scaled values."""

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        return drawn_sequences(self.scaled, sizes, random)


def sequence_inputs(channels: int) -> list[Field]:
    """The inputs of networks of sequences."""
    return [
        Field("values", "float64", ("batch", "time", channels), "the sequences, anything beyond their ends"),
        Field("lengths", "int64", ("batch",), "the steps of each sequence, at least 1"),
    ]


def drawn_sequences(
    scaled: ScaledValues, sizes: dict[str, int], random: torch.Generator
) -> dict[str, Tensor]:
    """Plausible sequences, one of them of full length."""
    rows, steps = sizes["batch"], sizes["time"]
    lengths = torch.randint(1, steps + 1, (rows,), generator=random)
    lengths[0] = steps
    return {"values": scaled.drawn(rows, steps, random), "lengths": lengths}


def described_channels(preprocessing: SequencePreprocessing) -> dict[str, Any]:
    """What is known of the channels and of missing values."""
    columns = preprocessing.columns
    names = None if columns is None or not columns.channels else list(columns.channels)
    return {"channels": names, "fill": preprocessing.fill}

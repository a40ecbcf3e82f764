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
from gatewise.shipping.deployed import Deployed, DType, Field, without_missing


class ScaledValues(torch.nn.Module):
    """`(value - mean) / deviation` of each channel, zero where a step is padding.

    scales: of the channels; dtype: in which it is computed, that of the values
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, scales: Sequence[Scale], dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([one.mean for one in scales], dtype=dtype))
        self.register_buffer("deviation", torch.tensor([one.deviation for one in scales], dtype=dtype))

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """values [B, T, C], lengths [B] -> [B, T, C] float32."""
        valid = valid_steps(values, lengths)
        scaled = ((values - self.mean) / self.deviation).float()
        return torch.where(valid, scaled, torch.zeros_like(scaled))

    def drawn(self, rows: int, steps: int, random: torch.Generator) -> Tensor:
        """Plausible values [B, T, C]."""
        drawn = torch.randn(rows, steps, len(self.mean), generator=random, dtype=self.mean.dtype)
        return drawn * self.deviation + self.mean


def valid_steps(values: Tensor, lengths: Tensor) -> Tensor:
    """[B, T, 1] bool: whether a step of [B, T, ...] is inside its sequence."""
    return (torch.arange(values.shape[1], device=values.device) < lengths[:, None]).unsqueeze(-1)


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
        found = self.result(self.scaled(values, lengths), lengths)
        return (without_missing(found, values.isnan() & valid_steps(values, lengths)),)

    @abstractmethod
    def result(self, values: Tensor, lengths: Tensor) -> Tensor:
        """The results, from scaled values."""

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        return drawn_sequences(self.scaled, sizes, random)


LENGTHS = Field("lengths", "int64", ("batch",), "the steps of each sequence, at least 1")


def sequence_inputs(channels: int, dtype: DType = "float64") -> list[Field]:
    """The inputs of networks of sequences."""
    about = "the sequences, anything beyond their ends; where a value is missing (NaN), all results are NaN: "
    about += "fill it before, as `fill` says"
    return [Field("values", dtype, ("batch", "time", channels), about), LENGTHS]


def drawn_sequences(
    scaled: ScaledValues, sizes: dict[str, int], random: torch.Generator
) -> dict[str, Tensor]:
    """Plausible sequences, one of them of full length."""
    rows, steps = sizes["batch"], sizes["time"]
    return {"values": scaled.drawn(rows, steps, random), "lengths": drawn_lengths(rows, steps, random)}


def drawn_lengths(rows: int, steps: int, random: torch.Generator) -> Tensor:
    """Lengths of at least one step; the first is the full length."""
    lengths = torch.randint(1, steps + 1, (rows,), generator=random)
    lengths[0] = steps
    return lengths


def described_channels(preprocessing: SequencePreprocessing) -> dict[str, Any]:
    """What is known of the channels and of missing values."""
    columns = preprocessing.columns
    names = None if columns is None or not columns.channels else list(columns.channels)
    return {"channels": names, "fill": preprocessing.fill}

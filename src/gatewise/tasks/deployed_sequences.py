"""Networks of whole sequences from raw values: scaled, and without padding."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gatewise.data.sequences.gaps import Gaps
from gatewise.data.sequences.reading import SequencePreprocessing
from gatewise.data.series.scaling import Scale
from gatewise.modules.network import Network
from gatewise.modules.random_convolutions import RandomConvolutions
from gatewise.shipping.deployed import Deployed, DType, Field, valid_steps
from gatewise.tasks.deployed_gaps import NO_GAPS, GapReader


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


class DeployedSequences(Deployed):
    """One result for each sequence of channels.

    network: as it was trained; preprocessing: of its data; result: the field of what it computes
    description: what stays outside, beside the channels

    Where the network reads which values are missing, NaN is one; else all results of its sequence are NaN.
    """

    network: Network
    tolerance: float
    scaled: ScaledValues
    gaps: GapReader

    def __init__(
        self,
        network: Network,
        preprocessing: SequencePreprocessing,
        result: Field,
        description: dict[str, Any],
    ) -> None:
        reader = GapReader(preprocessing.gaps, preprocessing.unit_of_time)
        super().__init__(
            [*sequence_inputs(len(preprocessing.scales), masked=reader.is_masked), *reader.fields()],
            [result],
            {**description, **described_channels(preprocessing)},
        )
        self.network = network.eval()
        if any(isinstance(one, RandomConvolutions) for one in network.modules()):
            self.tolerance = 1e-4  # the last bit decides whether a value is above a threshold
        self.scaled, self.gaps = ScaledValues(preprocessing.scales), reader

    def forward(self, values: Tensor, lengths: Tensor, times: Tensor | None = None) -> tuple[Tensor]:
        """The results [B, ...] of sequences [B, T, C] of these lengths [B], all positive."""
        scaled, gaps = self.gaps.read(self.scaled(values, lengths), lengths, times)
        return (self.gaps.without_missing(self.result(scaled, lengths, gaps), values, lengths),)

    @abstractmethod
    def result(self, values: Tensor, lengths: Tensor, gaps: Gaps | None) -> Tensor:
        """The results, from scaled values and their gaps."""

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        return drawn_sequences(self.scaled, sizes, random, self.gaps)


LENGTHS = Field("lengths", "int64", ("batch",), "the steps of each sequence, at least 1")


def sequence_inputs(channels: int, dtype: DType = "float64", masked: bool = False) -> list[Field]:
    """The inputs of networks of sequences. masked: whether values may be missing"""
    about = "the sequences, anything beyond their ends; where a value is missing (NaN), all results are NaN: "
    about += "fill it before, as `fill` says"
    if masked:
        about = "the sequences, NaN where a value is missing, and anything beyond their ends"
    return [Field("values", dtype, ("batch", "time", channels), about), LENGTHS]


def drawn_sequences(
    scaled: ScaledValues, sizes: dict[str, int], random: torch.Generator, gaps: GapReader = NO_GAPS
) -> dict[str, Tensor]:
    """Plausible sequences, one of them of full length."""
    rows, steps = sizes["batch"], sizes["time"]
    values = scaled.drawn(rows, steps, random)
    lengths = drawn_lengths(rows, steps, random)
    return {"values": values, "lengths": lengths, **gaps.drawn(values, random)}


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

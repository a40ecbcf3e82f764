"""The inputs of recurrent layers where values are missing or times irregular."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.compiler.layout import layout
from gatewise.data.sequences.gaps import GapKind, Gaps
from gatewise.layers import Recurrent
from gatewise.layers.states import State

DECAY = "d"  # the block of the cell GRUD that computes the decay of the state


class GapInputs(nn.Module):
    """What recurrent layers read of a step: its values, which of them were observed, and elapsed times.

    `u = [v, m, ln(1 + s), ln(1 + e)]`: values `v`, filled where missing, the mask `m`, the times `s` since
    the last observed values, and the time `e` since the step before.

    With decay, for the cell `GRUD`, `u = [m v + (1 - m) exp(-max(0, w s + b)) v, m, s]`: a missing value
    decays from the last observed one to zero, the mean. Without a mask, `m` is one and `s` is `e`.

    Args:
        channels: C
        gaps: "none", "mask" for m and s, "times" for e, or "both"
        decay: whether missing values decay

    Source: Che et al. 2018, Recurrent neural networks for multivariate time series with missing values.

    >>> inputs = GapInputs(3, "both")
    >>> ones = torch.ones(2, 7, 3)
    >>> inputs(ones, Gaps(ones, ones, torch.ones(2, 7, 1))).shape, inputs.width
    (torch.Size([2, 7, 10]), 10)
    """

    is_masked: bool
    is_timed: bool
    width: int
    decay: InputDecay | None

    def __init__(self, channels: int, gaps: GapKind = "none", decay: bool = False) -> None:
        super().__init__()
        self.is_masked, self.is_timed = gaps in ("mask", "both"), gaps in ("times", "both")
        self.width = channels * (3 if decay else 1 + 2 * self.is_masked) + (self.is_timed and not decay)
        self.decay = InputDecay(channels) if decay else None

    def forward(self, values: Tensor, gaps: Gaps | None) -> Tensor:
        """Values [B, T, C] and their gaps -> inputs [B, T, width]."""
        observed, since, elapsed = gaps or Gaps()
        inputs = [values]
        if self.decay is not None:
            if observed is None or since is None:
                assert elapsed is not None
                observed, since = torch.ones_like(values), elapsed.expand_as(values)
            inputs = [self.decay(values, observed, since), observed, since]
        elif self.is_masked:
            assert observed is not None
            assert since is not None
            inputs += [observed, since.log1p()]
        if self.is_timed and self.decay is None:
            assert elapsed is not None
            inputs += [elapsed.log1p()]
        return torch.cat(inputs, dim=-1) if len(inputs) > 1 else values


def elapsed_times(cell: CellType, gaps: Gaps | None) -> Tensor | None:
    """The times since the steps before [B, T] for a layer of a cell; None if it reads none, or they are 1."""
    if not cell.reads_elapsed or gaps is None or gaps.elapsed is None:
        return None
    return gaps.elapsed.squeeze(-1)


def elapsed_before(steps: Tensor) -> Tensor:
    """The time since the step before [B, L, 1], from the input `ln(1 + e)` after the target of a window."""
    return steps[:, :, 1:2].expm1()


class TimedRecurrent(Recurrent):
    """Recurrent layers of a cell that reads the time since the step before: the last number of each step.

    input_size: the numbers of a step, the time included; hidden, layers, options: as in `Recurrent`

    >>> from gatewise.cells import PhasedLSTM
    >>> output, _ = TimedRecurrent(PhasedLSTM, 3, hidden=4, layers=1)(torch.rand(7, 2, 3))
    >>> output.shape
    torch.Size([7, 2, 4])
    """

    def __init__(self, cell: CellType, input_size: int, hidden: int, layers: int, **options: Any) -> None:
        super().__init__(cell, input_size - 1, hidden, layers, **options)

    def forward(self, input: Tensor, hx: State | None = None) -> Any:  # type: ignore[override]
        return super().forward(input[..., :-1], hx, elapsed=input[..., -1])


class InputDecay(nn.Module):
    """Missing values decay to zero, the mean: `m v + (1 - m) exp(-max(0, w s + b)) v`. channels: C"""

    weight: nn.Parameter
    bias: nn.Parameter

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(channels))  # so that values begin to decay
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, values: Tensor, observed: Tensor, since: Tensor) -> Tensor:
        """All [B, T, C]; observed: 1 where there is a value, else 0; since: the time since the last one."""
        kept = (-torch.relu(self.weight * since + self.bias)).exp()
        return values * (observed + (1 - observed) * kept)


class DecayingWindow(nn.Module):
    """What the cell `GRUD` reads of the past of a series, of which the target alone has missing values.

    They decay to a mean `a`: `a + (m + (1 - m) exp(-max(0, w s + b))) (v - a)`, where `s` is the time since
    the last observed value before a step. It is 0 at a first step with a value.

    irregular: whether the input after the target is `ln(1 + e)` of the time e since the step before, which
        otherwise is 1

    Source: Che et al. 2018, as for `GapInputs`.

    >>> past = torch.tensor([[[4.0, 1, 0], [4, 0, 0.6931], [4, 0, 1.0986], [3, 1, 0]]])
    >>> steps, since = DecayingWindow()(past, torch.zeros(()))
    >>> steps.shape, since[0, :, 0].round()
    (torch.Size([1, 4, 2]), tensor([0., 1., 2., 3.]))
    """

    decay: InputDecay
    irregular: bool

    def __init__(self, irregular: bool = False) -> None:
        super().__init__()
        self.decay, self.irregular = InputDecay(1), irregular

    def forward(self, past: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
        """past [B, L, 2 + N] and mean [B, 1, 1] -> steps [B, L, 1 + N] and `s` [B, L, 1].

        past: the target, filled by its last value, other inputs, the mask, and `ln(1 + n)` of the time n
            since the last observed value, 0 where the value is observed
        """
        others, times = past[..., 1:-1], past[..., -1:].expm1()
        elapsed = past[:, 1:, 1:2].expm1() if self.irregular else 1
        since = torch.cat([times[:, :1], times[:, :-1] + elapsed], dim=1)
        target = mean + self.decay(past[..., :1] - mean, past[..., -2:-1], since)
        return torch.cat([target, others], dim=-1), since


class DecayingRecurrent(Recurrent):
    """Recurrent layers of the cell `GRUD`: in the first one the decay of the state reads the times alone.

    Its other lines read the values and the mask, and no times, as in the paper. Layers above the first read
    the layer below in all lines.

    Args:
        cell: `GRUD`, or one with its line `d`
        input_size: the input is [values, mask, times], [T, B, input_size]
        hidden, layers, options: as in `Recurrent`
        times: the number of times; None for a third of the input
    """

    reads: Tensor

    def __init__(
        self,
        cell: CellType,
        input_size: int,
        hidden: int,
        layers: int,
        times: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(cell, input_size, hidden, layers, **options)
        blocks = next(one.blocks for one in layout(cell).parameters if one.name == "weight_ih")
        is_decay = torch.tensor([block == DECAY for block in blocks]).repeat_interleave(hidden)
        is_time = torch.arange(input_size) >= input_size - (input_size // 3 if times is None else times)
        self.register_buffer("reads", is_decay[:, None] == is_time, persistent=False)

    def _values_at(self, place: int) -> dict[str, Tensor]:
        parameters = super()._values_at(place)
        if place <= self.bidirectional:  # a direction of the first layer
            parameters["weight_ih"] = parameters["weight_ih"] * self.reads
        return parameters

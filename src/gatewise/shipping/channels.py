"""Raw channels of a step as recurrent layers read them: scaled, with missing values, a step at a time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gatewise.data.series.scaling import Scale
from gatewise.modules.gap_inputs import GapInputs
from gatewise.shipping.stepwise import LinearStep


class RawChannels(nn.Module):
    """Scales the channels of a step, and fills missing values, NaN, by the last ones, or by the mean.

    With a mask, the layers also read which values were observed and the time since then; with times, the
    elapsed time. An observation then begins with the time since the one before.

    Args:
        scales: of the C channels
        inputs: what the layers read, with its parameters
        carries: whether values may be missing
        dtype: in which the data are scaled before training
    """

    inputs: GapInputs
    carries: bool
    dtype: torch.dtype
    is_plain: bool
    mean: Tensor
    deviation: Tensor
    zeros: Tensor

    def __init__(self, scales: Sequence[Scale], inputs: GapInputs, carries: bool, dtype: torch.dtype) -> None:
        super().__init__()
        self.inputs, self.carries, self.dtype = inputs, carries, dtype
        self.is_plain = inputs.decay is None and not inputs.is_masked and not inputs.is_timed
        for name in ("mean", "deviation"):
            values = torch.tensor([getattr(one, name) for one in scales], dtype=torch.float64)
            self.register_buffer(name, values.to(dtype))
        self.register_buffer("zeros", torch.zeros(1, len(scales)), persistent=False)

    @property
    def initial(self) -> dict[str, Tensor]:
        """The states before the first step, [1, C] each."""
        states = {"last_values": self.zeros} if self.carries else {}
        return {**states, "since_observed": self.zeros} if self.inputs.is_masked else states

    def before(self, layer: nn.Linear) -> LinearStep | None:
        """The step of these channels and a linear layer; None if values may be missing."""
        if not self.is_plain or self.carries:
            return None
        return LinearStep(self.mean, self.deviation, layer)

    def forward(
        self, x: Tensor, states: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor | None, tuple[Tensor, ...]]:
        """x [B, C] (or [B, 1 + C] with the elapsed time) -> features [B, F], elapsed [B], new states."""
        elapsed = x[:, :1] if self.inputs.is_timed else None
        values = x if elapsed is None else x[:, 1:]
        values = ((values.to(self.dtype) - self.mean) / self.deviation).to(self.zeros.dtype)
        if not self.carries:
            return self._read(values, None, None, elapsed), _row(elapsed), ()
        observed = ~values.isnan()
        values = torch.where(observed, values, states[0])
        if not self.inputs.is_masked:
            return self._read(values, None, None, elapsed), _row(elapsed), (values,)
        since = states[1] if elapsed is None else states[1] + elapsed
        features = self._read(values, observed.to(values.dtype), since, elapsed)
        later = torch.where(observed, torch.zeros_like(since), since)
        return features, _row(elapsed), (values, later + 1 if elapsed is None else later)

    def _read(
        self, values: Tensor, observed: Tensor | None, since: Tensor | None, elapsed: Tensor | None
    ) -> Tensor:
        if self.is_plain:
            return values
        steps = [None if one is None else one.unsqueeze(1) for one in (observed, since, elapsed)]
        read: Tensor = self.inputs(values.unsqueeze(1), steps)
        return read.squeeze(1)


def _row(elapsed: Tensor | None) -> Tensor | None:
    return None if elapsed is None else elapsed.squeeze(-1)

"""Which values of raw sequences are missing, and when they were: what networks read beside the values."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.data.sequences.gaps import GapKind, Gaps, TimeUnit
from gatewise.shipping.deployed import Field, valid_steps, without_missing
from gatewise.shipping.running import last_places, values_at


@dataclass(frozen=True)
class GapReader:
    """Reads gaps as `data.sequences.gaps` does.

    gaps: what the network reads; unit: of elapsed times, if it reads them
    """

    gaps: GapKind
    unit: TimeUnit | None

    @property
    def is_masked(self) -> bool:
        """Whether the network reads which values are missing."""
        return self.gaps in ("mask", "both")

    def without_missing(self, result: Tensor, values: Tensor, lengths: Tensor) -> Tensor:
        """The result, NaN where raw values [B, T, C] are missing and the network does not read which."""
        if self.is_masked:
            return result
        return without_missing(result, values.isnan() & valid_steps(values, lengths))

    def fields(self) -> list[Field]:
        """The input of times, if they are read."""
        if self.unit is None:
            return []
        about = "the times of the steps, "
        about += "in microseconds of any clock" if self.unit.dated else "as they are in the data"
        return [Field("times", "int64" if self.unit.dated else "float64", ("batch", "time"), about)]

    def read(self, scaled: Tensor, lengths: Tensor, times: Tensor | None) -> tuple[Tensor, Gaps | None]:
        """Scaled values [B, T, C], NaN where one is missing, filled, with their gaps.

        lengths: [B]; times: [B, T], if they are read
        """
        if self.gaps == "none":
            return scaled, None
        valid, elapsed = valid_steps(scaled, lengths), None
        zero = torch.zeros_like(scaled)
        clock = torch.arange(scaled.shape[1], device=scaled.device).double()[None, :, None].expand_as(scaled)
        if self.unit is not None and times is not None:
            clock = ((times - times[:, :1]).double() / self.unit.length).unsqueeze(-1)
            elapsed = torch.cat([clock[:, :1] * 0, clock.diff(dim=1)], dim=1)
            elapsed = torch.where(valid, elapsed, 0.0).float()
            clock = clock.expand_as(scaled)
        if self.gaps == "times":
            return scaled, Gaps(elapsed=elapsed)
        observed = ~scaled.isnan()
        places = last_places(observed)
        before = torch.cat([torch.full_like(places[:, :1], -1), places[:, :-1]], dim=1)
        since = clock - torch.where(before >= 0, values_at(clock, before), 0.0)
        filled = torch.where((places >= 0) & valid, values_at(scaled, places), zero)
        mask = (observed & valid).float()
        return filled, Gaps(mask, torch.where(valid, since, 0.0).float(), elapsed)

    def drawn(self, values: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        """Plausible inputs: values [B, T, C], of which some are missing, and times."""
        found = {}
        if self.is_masked:
            missing = torch.rand(values.shape, generator=random) < 0.3
            found["values"] = values.masked_fill(missing, torch.nan)
        if self.unit is not None:
            passed = torch.rand(values.shape[:2], generator=random, dtype=torch.float64) + 0.1
            times = (passed * self.unit.length).cumsum(dim=1)
            found["times"] = times.long() if self.unit.dated else times
        return found


NO_GAPS = GapReader("none", None)

"""What networks of series read, from raw values in the order of `scaled_table`: of windows and of steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gatewise.data.series.categories import Categories
from gatewise.data.series.scaled_table import SeriesScaling
from gatewise.data.series.scaling import LogScale, Scale
from gatewise.data.tables.columns import FoundColumns


class SeriesScale(NamedTuple):
    """The scales of the series of some rows, [B] each.

    unit: of logarithms, 0 for a series without them; None if no series has them
    """

    mean: Tensor
    deviation: Tensor
    unit: Tensor | None

    def apply(self, values: Tensor) -> Tensor:
        """Values [B, ...] in the units of the data, scaled."""
        if self.unit is not None:
            unit = _beside(self.unit, values)
            values = torch.where(unit > 0, (values / torch.where(unit > 0, unit, 1.0)).log(), values)
        return (values - _beside(self.mean, values)) / _beside(self.deviation, values)

    def undo(self, scaled: Tensor) -> Tensor:
        """Scaled values [B, ...] in the units of the data, in double precision."""
        values = scaled.double() * _beside(self.deviation, scaled) + _beside(self.mean, scaled)
        if self.unit is None:
            return values
        unit = _beside(self.unit, scaled)
        return torch.where(unit > 0, torch.where(unit > 0, values, 0.0).exp() * unit, values)


def _beside(scale: Tensor, values: Tensor) -> Tensor:
    """[B] for values [B, ...]."""
    return scale.reshape(-1, *[1] * (values.dim() - 1))


def scale_values(scales: Iterable[Scale]) -> Tensor:
    """[N, 3]: of each scale the mean, the deviation and the unit of its logarithms, 0 without them."""
    rows = [(one.mean, one.deviation, one.unit if isinstance(one, LogScale) else 0.0) for one in scales]
    return torch.tensor(rows, dtype=torch.float64)


class RawCovariate(nn.Module):
    """A raw column [...] as inputs [..., K]: a scaled number, or 0 and 1 for each category.

    A category is its place among those of the training set; any other number is none of them.

    has_unseen: whether there is one more input, for none of the categories
    """

    scale: tuple[float, float] | None
    has_unseen: bool
    places: Tensor | None

    def __init__(self, learned: Scale | Categories, has_unseen: bool = False) -> None:
        super().__init__()
        is_category = isinstance(learned, Categories)
        self.scale = None if isinstance(learned, Categories) else (learned.mean, learned.deviation)
        self.has_unseen = has_unseen and is_category
        count = len(learned.categories) if isinstance(learned, Categories) else 0
        places = torch.arange(count).double() if is_category else None
        self.register_buffer("places", places, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        if self.scale is not None:
            mean, deviation = self.scale
            return ((values - mean) / deviation).unsqueeze(-1)
        assert self.places is not None
        found = (values.unsqueeze(-1) == self.places).to(values.dtype)
        return torch.cat([found, 1 - found.sum(-1, keepdim=True)], dim=-1) if self.has_unseen else found


class SeriesInputs(nn.Module):
    """Raw columns as the inputs of networks of series.

    What is known of a step in advance are the time since the step before, if times are irregular; sines and
    cosines of the calendar; and known covariates, a category as its place in the training set.

    learned: the scales of a trained model; columns: of its data
    """

    masked: bool
    irregular: bool
    has_logarithms: bool
    times: int
    known: nn.ModuleList
    observed: nn.ModuleList
    static: nn.ModuleList
    ahead: int

    def __init__(self, learned: SeriesScaling, columns: FoundColumns) -> None:
        super().__init__()
        known = len(columns.known)
        self.masked, self.irregular = learned.masked, learned.unit_of_time > 0
        self.has_logarithms = any(isinstance(one, LogScale) for one in learned.series.values())
        self.times = 2 * len(learned.cycles) + self.irregular
        self.known = nn.ModuleList(map(RawCovariate, learned.covariates[:known]))
        self.observed = nn.ModuleList(map(RawCovariate, learned.covariates[known:]))
        self.static = nn.ModuleList(RawCovariate(one, has_unseen=True) for one in learned.statics)
        self.ahead = self.times + known  # raw numbers of a step that are known in advance

    def scale(self, values: Tensor) -> SeriesScale:
        """The scales of rows, from those of `scale_values` [B, 3]."""
        mean, deviation, unit = values.unbind(-1)
        return SeriesScale(mean, deviation, unit if self.has_logarithms else None)

    def known_inputs(self, raw: Tensor) -> Tensor:
        """What is known in advance of steps, raw [..., ahead] -> scaled [..., C]."""
        times = raw[..., : self.times]
        if self.irregular:
            times = torch.cat([times[..., :1].log1p(), times[..., 1:]], dim=-1)
        return torch.cat([times, *_each(self.known, raw[..., self.times :])], dim=-1)

    def rows(self, target: Tensor, known: Tensor, observed: Tensor, mask: Tensor | None) -> Tensor:
        """[..., 1 + C + D], the rows of steps.

        target: [...], scaled; known: as returned by `known_inputs`; observed: raw, [..., n]
        mask: as returned by `mask_inputs`, if networks read one
        """
        parts = [target.unsqueeze(-1), known, *_each(self.observed, observed)]
        return torch.cat([*parts, *([] if mask is None else [mask])], dim=-1)

    def static_inputs(self, raw: Tensor) -> Tensor:
        """Static columns, raw [..., n] -> [..., S]."""
        return torch.cat([raw[..., :0], *_each(self.static, raw)], dim=-1)


def mask_inputs(missing: Tensor, since: Tensor) -> Tensor:
    """[..., 2]: whether a value is there, and the logarithm of one and the time since the last one."""
    return torch.stack([(~missing).to(since.dtype), since.log1p()], dim=-1)


def _each(columns: nn.ModuleList, raw: Tensor) -> Sequence[Tensor]:
    """The inputs of columns, of their raw numbers [..., n]."""
    return [one(values) for one, values in zip(columns, raw.unbind(-1), strict=True)]

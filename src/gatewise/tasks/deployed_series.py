"""Windows of series from raw values: the inputs of graphs, and what networks read of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.data.series.categories import Categories
from gatewise.data.series.scaling import Scale
from gatewise.data.series.step import Step
from gatewise.shipping.deployed import Field, without_missing
from gatewise.shipping.running import last_places, values_at
from gatewise.shipping.series_inputs import SeriesInputs, SeriesScale, mask_inputs, scale_values
from gatewise.shipping.series_rows import SeriesForm
from gatewise.tasks.calendar_inputs import calendar_inputs

SECOND = 1_000_000  # microseconds
Named = Sequence[tuple[str, Scale | Categories]]  # columns


@dataclass(frozen=True)
class Window:
    """The input of a network, scaled.

    target: [B, T]; past: [B, L, 1 + C + D]; future: [B, Q, C]; static: [B, S]; scale: of each row
    """

    target: Tensor
    past: Tensor
    future: Tensor
    static: Tensor
    scale: SeriesScale


class WindowReader(nn.Module):
    """Reads raw windows as `scaled_table` reads a table.

    form: the preprocessing of a model
    context, horizon: the steps of the past, and those after it
    """

    context: int
    horizon: int
    cycles: tuple[str, ...]
    zone: str | None
    unit: float
    has_dates: bool
    inputs: SeriesInputs
    scales: Tensor

    def __init__(self, form: SeriesForm, context: int, horizon: int) -> None:
        super().__init__()
        learned, columns = form.learned, form.columns
        self.context, self.horizon, self.cycles = context, horizon, learned.cycles
        self.zone, self.unit = form.time_zone, learned.unit_of_time
        self.has_dates = Step.named(form.step).unit != "numbers"
        names, known = (*columns.known, *columns.observed), len(columns.known)
        covariates = list(zip(names, learned.covariates, strict=True))
        self.columns: dict[str, Named] = {
            "known": covariates[:known],
            "observed": covariates[known:],
            "static": list(zip(columns.static, learned.statics, strict=True)),
        }
        self.inputs = SeriesInputs(learned, columns)
        self.register_buffer("scales", scale_values(learned.series.values()))

    def fields(self, target: Field) -> list[Field]:
        """The inputs: the target, and what the model reads beside it."""
        steps, fields = self.context + self.horizon, [target]
        if self.inputs.masked:
            about = "the last value before the window, read where the first ones of the window are missing"
            fields.append(Field("last", "float64", ("batch",), about))
            about = (
                f"the {'time' if self.unit else 'steps'} from that value to the window, from 1; 0 elsewhere"
            )
            fields.append(Field("since", "float64", ("batch",), about))
        if len(self.scales) > 1:
            about = "the place of the series among `series`, from 0; results of any other are NaN"
            fields.append(Field("series", "int64", ("batch",), about))
        if self.cycles or self.unit:
            fields.append(self._times(steps))
        for name, length in (("known", steps), ("observed", self.context), ("static", 0)):
            axes: tuple[str | int, ...] = ("batch", length) if length else ("batch",)
            columns = self.columns[name]
            numbers = [column for column, one in columns if isinstance(one, Scale)]
            texts = [column for column, one in columns if isinstance(one, Categories)]
            if numbers:
                about = f"the columns {', '.join(numbers)}"
                fields.append(Field(name, "float64", (*axes, len(numbers)), about))
            if texts:
                about = f"the places of {', '.join(texts)} among `categories`; -1 for any other"
                fields.append(Field(f"{name}_categories", "int64", (*axes, len(texts)), about))
        return fields

    def _times(self, steps: int) -> Field:
        """The times of the steps, and at irregular times also of the step before them."""
        clock = f"in local time of {self.zone}" if self.zone else "on the data's clock"
        since = f"since 1970-01-01 00:00:00 {clock}"
        if not self.unit:
            return Field("times", "int64", ("batch", steps), f"the times of all steps, in seconds {since}")
        unit = f"in microseconds {since}" if self.has_dates else "as they are in the data"
        about = (
            f"the times of the step before the window and of all steps, {unit}; of the first step its own "
        )
        about += "twice"
        return Field("times", "int64" if self.has_dates else "float64", ("batch", 1 + steps), about)

    def forward(
        self,
        target: Tensor,
        last: Tensor | None = None,
        since: Tensor | None = None,
        series: Tensor | None = None,
        times: Tensor | None = None,
        known: Tensor | None = None,
        known_categories: Tensor | None = None,
        observed: Tensor | None = None,
        observed_categories: Tensor | None = None,
        static: Tensor | None = None,
        static_categories: Tensor | None = None,
    ) -> Window:
        """The scaled window of a target [B, T], of which the first L steps are the past."""
        scale, mask = self._scale(target, series), None
        elapsed = None if times is None or not self.unit else times.diff(dim=1).double() / self.unit
        past = target[:, : self.context]
        if last is not None and since is not None:
            mask, past = _masked(past, last, since, elapsed)
        raw = [] if elapsed is None else [elapsed.unsqueeze(-1)]
        if times is not None and self.cycles:
            seconds = torch.div(times[:, 1:], SECOND, rounding_mode="floor") if self.unit else times
            raw.append(calendar_inputs(seconds, self.cycles))
        like = target.new_zeros(target.shape[0], self.context + self.horizon, 0)
        ahead = torch.cat([like, *raw, self._raw("known", known, known_categories, like)], dim=-1)
        ahead = self.inputs.known_inputs(ahead)
        watched = self._raw("observed", observed, observed_categories, like[:, : self.context])
        rows = self.inputs.rows(scale.apply(past), ahead[:, : self.context], watched, mask)
        statics = self.inputs.static_inputs(self._raw("static", static, static_categories, like[:, 0]))
        read = [one.float() for one in (rows, ahead[:, self.context :], statics)]
        missing = torch.cat([one.isnan().flatten(1) for one in read], dim=1)
        known_scale = scale._replace(mean=without_missing(scale.mean, missing))
        return Window(scale.apply(target), read[0], read[1], read[2], known_scale)

    def _scale(self, target: Tensor, series: Tensor | None) -> SeriesScale:
        if series is None:
            return self.inputs.scale(self.scales.expand(target.shape[0], 3))
        exists = (series >= 0) & (series < self.scales.shape[0])
        found = self.scales[series.where(exists, 0)]
        return self.inputs.scale(torch.where(exists[:, None], found, torch.nan))

    def _raw(self, name: str, numbers: Tensor | None, places: Tensor | None, like: Tensor) -> Tensor:
        """The columns of a kind in their order, [..., n]; places: of categories"""
        found, of_numbers, of_places = [like], iter(()), iter(())
        if numbers is not None:
            of_numbers = iter(numbers.split(1, dim=-1))
        if places is not None:
            of_places = iter(places.double().split(1, dim=-1))
        found += [next(of_numbers if isinstance(one, Scale) else of_places) for _, one in self.columns[name]]
        return torch.cat(found, dim=-1)

    def example(self, fields: Sequence[Field], rows: int, random: torch.Generator) -> dict[str, Tensor]:
        """Plausible values of inputs."""
        place = torch.randint(len(self.scales), (rows,), generator=random)
        scale = self.inputs.scale(self.scales[place])
        found: dict[str, Tensor] = {}
        for field in fields:
            shape = tuple(rows if axis == "batch" else int(axis) for axis in field.axes)
            drawn = torch.randn(shape, generator=random, dtype=torch.float64)
            if field.name in ("target", "last"):
                found[field.name] = scale.undo(drawn)
                if self.inputs.masked and field.name == "target":
                    found["target"] = found["target"].masked_fill(drawn.abs() > 1.5, torch.nan)
            elif field.name == "since":
                found["since"] = (drawn * 10).abs().ceil()
            elif field.name == "series":
                found["series"] = place
            elif field.name == "times":
                found["times"] = self._drawn_times(drawn, random)
            elif field.dtype == "int64":
                found[field.name] = torch.randint(-1, 3, shape, generator=random)
            else:
                scales = [one for _, one in self.columns[field.name] if isinstance(one, Scale)]
                means, deviations, _ = scale_values(scales).unbind(1)
                found[field.name] = drawn * deviations + means
        return found

    def _drawn_times(self, drawn: Tensor, random: torch.Generator) -> Tensor:
        first = torch.randint(10**9, (len(drawn), 1), generator=random)
        if not self.unit:
            return first + 86_400 * torch.arange(drawn.shape[1])
        steps = (drawn.exp() * self.unit).cumsum(dim=1)
        return first * SECOND + steps.long() if self.has_dates else steps


def described_series(form: SeriesForm) -> dict[str, Any]:
    """What stays outside of a model of series: names, the step, and the categories of columns."""
    columns, learned = form.columns, form.learned
    names = (*columns.known, *columns.observed, *columns.static)
    pairs = zip(names, (*learned.covariates, *learned.statics), strict=True)
    return {
        "target": columns.target,
        "time": columns.time,
        "time_zone": form.time_zone,
        "step": form.step,
        "unit_of_time": learned.unit_of_time,
        "fill": form.fill,
        "series": list(learned.series),
        "categories": {name: list(one.categories) for name, one in pairs if isinstance(one, Categories)},
    }


def _masked(target: Tensor, last: Tensor, since: Tensor, elapsed: Tensor | None) -> tuple[Tensor, Tensor]:
    """The mask of a window [B, L], and the window with each missing value replaced by the last one before it.

    last, since: [B], of the step before; elapsed: between steps, if they are not all 1
    """
    missing, steps = target.isnan(), target.shape[1]
    places = last_places(~missing)
    inside, times = places >= 0, torch.arange(steps, dtype=target.dtype).expand_as(target)
    if elapsed is not None:
        times = elapsed[:, :steps].cumsum(dim=1) - elapsed[:, :1]
    passed = torch.where(inside, times - values_at(times, places), times + since[:, None])
    filled = torch.where(inside, values_at(target, places), last[:, None])
    return mask_inputs(missing, passed), filled

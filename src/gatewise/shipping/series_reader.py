"""The observations of a stream of a series as raw rows: target, times, covariates, and what lies ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan, nan
from numbers import Real
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from gatewise.data.series.calendar import calendar
from gatewise.data.series.categories import Categories, truth
from gatewise.data.series.step import Step
from gatewise.data.tables.joined_id import ID_SEPARATOR
from gatewise.errors import GatewiseError
from gatewise.shipping.clock import Clock, read_moment
from gatewise.shipping.reading import Memory, Reader, Row, column_of, number_of, require_finite, shown
from gatewise.shipping.series_rows import SeriesStepwise, scale_state

NO_CATEGORY = -1.0


@dataclass(frozen=True)
class SeriesMemory:
    """What is remembered of a series: its id, whether it has begun, and its clock, if times are given."""

    series: str
    begun: bool = False
    clock: Clock | None = None


class SeriesReader(Reader):
    """Reads the steps of a series: a dict of columns, or its target alone.

    A known covariate is a list: its value at the step, and at each step of the horizon.

    input: as `series_rows.describe_series`; model: how new series are scaled
    """

    def __init__(self, input: Mapping[str, Any], model: SeriesStepwise) -> None:
        self.input, self.model, self.ids = input, model, input["id"]
        self.step, self.unit = Step.named(input["step"]), input["unit_of_time"]
        self.target, self.horizon = input["target"], input["horizon"]
        self.needs_time = bool(input["cycles"]) or bool(self.unit)
        self.categories = {name: Categories(tuple(one)) for name, one in input["categories"].items()}

    def begun(self, observation: Any, memory: Memory) -> tuple[Memory, dict[str, Tensor]]:
        records = self._records(observation)
        series = memory.series if memory is not None else self._series(records[0])
        if series in self.input["scales"]:
            scale = torch.tensor([self.input["scales"][series]], dtype=torch.float64)
        else:
            scale = scale_state(self.model.scale_of(self._history(series, records)))
        states = {"scale": scale}
        if self.input["static"]:
            values = [column_of(records[0], name) for name in self.input["static"]]
            states["static"] = self.model.static_state(values)
        return SeriesMemory(series), states

    def rows(self, observation: Any, memory: Memory) -> tuple[list[Row], Memory]:
        rows = []
        for record in self._records(observation):
            row, memory = self._row(record, memory)
            rows.append(row)
        return rows, memory

    def named(self, series: str | None) -> Memory:
        return None if series is None else SeriesMemory(series)

    def by_sequence(self, frame: pl.DataFrame) -> dict[Any, Any]:
        """The steps of each series, whose known covariates are those of the rows after them.

        Rows after the last value of a series are what is known of its horizon, if there are known covariates.
        """
        groups = super().by_sequence(frame)
        if None in groups and len(self.input["scales"]) > 1:
            raise GatewiseError(
                f"the table has no {' and '.join(map(repr, self.ids))}, which names the series"
            )
        if not self.input["known"]:
            return groups
        return {key: self._with_ahead(records) for key, records in groups.items()}

    def _with_ahead(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The steps with a value, and the known covariates of the horizon of each."""
        values = [place for place, one in enumerate(records) if one.get(self.target) is not None]
        end = values[-1] + 1 if values else 0
        steps = []
        for place, record in enumerate(records[:end]):
            ahead = records[place : place + 1 + self.horizon]
            lists = {name: [column_of(one, name) for one in ahead] for name in self.input["known"]}
            steps.append({**record, **lists})
        return steps

    def columns_of(self, keys: Sequence[Any], memories: Mapping[Any, Memory], rows: int) -> dict[str, Any]:
        columns = super().columns_of([memories[key].series for key in keys], memories, rows)
        clocks = [memories[key].clock for key in keys]
        if all(clock is not None for clock in clocks):
            first = 1 if self.horizon else 0  # without a horizon, answers are of the step itself
            times = [clock.ahead(self.step, self.horizon)[first:] for clock in clocks]
            columns[self.input["time"]] = pl.concat(times)
        return columns

    def to_plain(self, memory: Memory) -> Any:
        clock = None if memory.clock is None else memory.clock.to_plain()
        return [memory.series, memory.begun, clock]

    def from_plain(self, data: Any) -> Memory:
        match data:
            case [str() as series, bool() as begun, clock]:
                return SeriesMemory(series, begun, None if clock is None else Clock.from_plain(clock))
        raise ValueError("expected the memory of a series")

    def _row(self, record: Mapping[str, Any], memory: SeriesMemory) -> tuple[Row, SeriesMemory]:
        target = self._target(record, memory)
        clock, elapsed, times = self._clock(record, memory.clock)
        ahead = self._ahead(times, elapsed) if times is not None else np.zeros((1 + self.horizon, 0))
        known = [self._known(record, name) for name in self.input["known"]]
        ahead = np.concatenate([ahead, *(np.array(one)[:, None] for one in known)], axis=1)
        observed = [self._covariate(name, column_of(record, name)) for name in self.input["observed"]]
        row = [target, *ahead[0].tolist(), *observed, *ahead[1:].reshape(-1).tolist()]
        return row, replace(memory, begun=True, clock=clock)

    def _target(self, record: Mapping[str, Any], memory: SeriesMemory) -> float:
        value, missing = number_of(self.target, column_of(record, self.target)), self.input["missing"]
        if not isnan(value):
            return self._supported(require_finite(self.target, value))
        if missing is None:
            raise GatewiseError(
                f"the value of {self.target!r} is missing; give one, or train the model with fill='forward'"
            )
        if missing != "zero" and not memory.begun:
            raise GatewiseError(f"the first value of {self.target!r} is missing; begin a series with one")
        return nan

    def _supported(self, value: float) -> float:
        """The value. Raises: `GatewiseError` if the distribution of the model does not have it."""
        support = self.input["support"]
        if support != "real" and (value < 0 or (support == "counts" and value != int(value))):
            kind = "a count" if support == "counts" else "a number that is not negative"
            raise GatewiseError(f"expected {self.target!r} as {kind}, as the model has them, got {value:g}")
        return value

    def _clock(
        self, record: Mapping[str, Any], before: Clock | None
    ) -> tuple[Clock | None, float, pl.Series | None]:
        """The clock after a step, the time since the step before, and the time of the step and those ahead.

        Raises: `GatewiseError` if a time is missing, or not one step after the last.
        """
        name = self.input["time"]
        if name not in record:
            if self.needs_time or before is not None:
                raise GatewiseError(f"the observation has no time; give {name!r} too")
            return None, 0.0, None
        time = read_moment(record[name])
        if before is None:
            clock, elapsed = Clock(time, time), 0.0
        else:
            clock, elapsed = before.moved(time), before.elapsed(time, self.unit or 1.0)
        times = clock.ahead(self.step, self.horizon)
        if not self.step.is_irregular and times[0] != time:
            raise GatewiseError(
                f"expected the time {times[0]}, {self.step.words} after the last one, got {time}: give every "
                "step, or leave out the times"
            )
        return clock, elapsed, times

    def _ahead(self, times: pl.Series, elapsed: float) -> np.ndarray:
        """[1 + Q, n]: the time inputs of a step and of those ahead."""
        inputs = calendar(times, self.input["cycles"])
        if not self.unit:
            return inputs
        ticks = times.to_physical().to_numpy()
        since = np.concatenate([[elapsed], np.diff(ticks) / self.unit])
        return np.concatenate([since[:, None], inputs], axis=1)

    def _known(self, record: Mapping[str, Any], name: str) -> list[float]:
        values = column_of(record, name)
        values = values.tolist() if hasattr(values, "tolist") else values
        values = values if isinstance(values, list | tuple) or self.horizon else [values]
        if not isinstance(values, list | tuple) or len(values) != 1 + self.horizon:
            raise GatewiseError(
                f"expected {name!r} as {1 + self.horizon} values, of the step and of the {self.horizon} "
                f"steps after it, got {shown(values)}"
            )
        return [self._covariate(name, one) for one in values]

    def _covariate(self, name: str, value: Any) -> float:
        """A number, or the place of a category."""
        if name in self.categories:
            return float(self.categories[name].places([str(value)])[0]) if value is not None else NO_CATEGORY
        if isinstance(value, str) and truth(value) is not None:
            return float(truth(value) or 0)
        number = number_of(name, value)
        if isnan(number):
            raise GatewiseError(f"expected {name!r} as a number, got {shown(value)}")
        return require_finite(name, number)

    def _records(self, observation: Any) -> list[Mapping[str, Any]]:
        """The steps of an observation."""
        if isinstance(observation, Mapping):
            return [observation]
        if isinstance(observation, list) and observation and isinstance(observation[0], Mapping):
            return observation
        if observation is None or isinstance(observation, Real):
            return [{self.target: observation}]
        if hasattr(observation, "tolist") and isinstance(observation.tolist(), float | int):
            return [{self.target: observation.tolist()}]
        raise GatewiseError(
            f"expected an observation as a dict of columns, or as a number, got {type(observation).__name__}"
        )

    def _series(self, record: Mapping[str, Any]) -> str:
        """The id of the series of a step. Raises: `GatewiseError` if it has none, and there are several."""
        names = self.input["id"]
        if all(name in record for name in names):
            return ID_SEPARATOR.join(str(record[name]) for name in names)
        scales = list(self.input["scales"])
        if len(scales) == 1:
            return str(scales[0])
        raise GatewiseError(f"the model knows {len(scales)} series; give {', '.join(map(repr, names))} too")

    def _history(self, series: str, records: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """The values of a new series. Raises: `GatewiseError` if there are not several."""
        values = np.array([number_of(self.target, column_of(one, self.target)) for one in records])
        values = values[~np.isnan(values)]
        if len(values) < 2:
            raise GatewiseError(
                f"the series {series!r} is not in the training set: begin its stream with a list of its past "
                "steps, or a table of them, by which it is scaled"
            )
        return values

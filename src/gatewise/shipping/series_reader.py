"""The observations of a stream of a series as raw rows: target, times, covariates, and what lies ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from numbers import Real
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from gatewise.data.series.calendar import calendar
from gatewise.data.series.step import Step
from gatewise.data.tables.joined_id import id_columns
from gatewise.errors import GatewiseError
from gatewise.shipping.clock import Clock
from gatewise.shipping.ids import id_of_record
from gatewise.shipping.reading import Memory, Reader, Row, column_of
from gatewise.shipping.series_inputs import scale_values
from gatewise.shipping.series_rows import SeriesStepwise
from gatewise.shipping.series_times import Local, SeriesTimes
from gatewise.shipping.series_values import SeriesValues


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

    ids: Sequence[str]
    input: Mapping[str, Any]
    model: SeriesStepwise
    step: Step
    unit: float
    target: str
    horizon: int
    times: SeriesTimes
    needs_time: bool
    values: SeriesValues

    def __init__(self, input: Mapping[str, Any], model: SeriesStepwise) -> None:
        columns = model.form.columns
        has_ids = columns.id is not None or len(input["scales"]) > 1  # a single series may have no id
        self.input, self.model, self.ids = input, model, input["id"] if has_ids else []
        self.step, self.unit = Step.named(input["step"]), input["unit_of_time"]
        self.target, self.horizon = input["target"], input["horizon"]
        self.times = SeriesTimes(columns, self.step, input["time_format"], input["time_zone"])
        self.needs_time = bool(input["cycles"]) or bool(self.unit)
        self.values = SeriesValues(input)

    def begun(self, observation: Any, memory: Memory) -> tuple[Memory, dict[str, Tensor]]:
        records = self._records(observation)
        series = memory.series if memory is not None else self._series(records[0])
        if series in self.input["scales"]:
            scale = torch.tensor([self.input["scales"][series]], dtype=torch.float64)
        else:
            scale = scale_values([self.model.scale_of(self.values.history(series, records))])
        states = {"scale": scale}
        if self.input["static"]:
            states["static"] = self.model.static_state(self.values.statics(records))
        return SeriesMemory(series), states

    def rows(self, observation: Any, memory: Memory) -> tuple[list[Row], Memory]:
        rows = []
        for record in self._records(observation):
            self._require_same(record, memory)
            row, memory = self._row(record, memory)
            rows.append(row)
        return rows, memory

    def named(self, series: str | None) -> Memory:
        return None if series is None else SeriesMemory(series)

    def by_sequence(self, frame: pl.DataFrame) -> dict[Any, Any]:
        """The steps of each series in the order of their times.

        The known covariates of a step are its own and those of the rows after it. Rows after the last value
        are what is known of the horizon; without known covariates they are left out, as by `predict`.
        """
        has_times = self.times.are_in(frame.columns)
        if has_times:
            read = pl.Series(map(Local, self.times.of_table(frame).values), dtype=pl.Object)
            frame = frame.with_columns(read.alias(self.input["time"]))
        groups = super().by_sequence(frame)
        if None in groups and len(self.input["scales"]) > 1:
            raise GatewiseError(
                f"the table has no {' and '.join(map(repr, self.ids))}, which names the series"
            )
        if has_times:
            for records in groups.values():
                records.sort(key=lambda one: one[self.input["time"]].moment)
        return {key: self._steps(key, records, has_times) for key, records in groups.items()}

    def _steps(self, key: Any, records: list[dict[str, Any]], has_times: bool) -> list[dict[str, Any]]:
        """The steps up to the last value; all of them, missing ones, if there is none.

        Raises: `GatewiseError` if rows are left out and there are no times, by which a later gap is found.
        """
        values = [place for place, one in enumerate(records) if not _is_missing(one.get(self.target))]
        end = values[-1] + 1 if values else 0
        if self.input["known"]:
            if not end:
                raise GatewiseError(
                    f"no row of series {key!r} has a value of {self.target!r}; give one at least"
                )
            return self._with_ahead(records, end)
        if end in (0, len(records)) or self.input["missing"] is None:
            return records
        if not has_times:
            raise GatewiseError(
                f"the last values of {self.target!r} are missing; leave out their rows until the next value"
            )
        return records[:end]

    def _with_ahead(self, records: list[dict[str, Any]], end: int) -> list[dict[str, Any]]:
        """The first steps, and the known covariates of the horizon of each. end: their number"""
        steps = []
        for place, record in enumerate(records[:end]):
            ahead = records[place : place + 1 + self.horizon]
            lists = {name: [column_of(one, name) for one in ahead] for name in self.input["known"]}
            steps.append({**record, **lists})
        return steps

    def columns_of(
        self, keys: Sequence[Any], memories: Mapping[Any, Memory], rows: int, frame: pl.DataFrame
    ) -> dict[str, Any]:
        series, names = [memories[key].series for key in keys for _ in range(rows)], self.input["id"]
        columns: dict[str, Any] = id_columns(series, names[0], tuple(names) if len(names) > 1 else None)
        clocks = [memories[key].clock for key in keys]
        if all(clock is not None for clock in clocks):
            first = 1 if self.horizon else 0  # without a horizon, answers are of the step itself
            times = pl.concat([clock.ahead(self.step, self.horizon)[first:] for clock in clocks])
            columns[self.input["time"]] = self.times.written(times, frame)
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
        target = self.values.target(record, not memory.begun)
        clock, elapsed, times = self._clock(record, memory.clock)
        ahead = self._ahead(times, elapsed) if times is not None else np.zeros((1 + self.horizon, 0))
        known = [self.values.known(record, name) for name in self.input["known"]]
        ahead = np.concatenate([ahead, *(np.array(one)[:, None] for one in known)], axis=1)
        observed = [self.values.covariate(name, column_of(record, name)) for name in self.input["observed"]]
        row = [target, *ahead[0].tolist(), *observed, *ahead[1:].reshape(-1).tolist()]
        return row, replace(memory, begun=True, clock=clock)

    def _clock(
        self, record: Mapping[str, Any], before: Clock | None
    ) -> tuple[Clock | None, float, pl.Series | None]:
        """The clock after a step, the time since the step before, and the time of the step and those ahead.

        Raises: `GatewiseError` if a time is missing, or not one step after the last.
        """
        if not self.times.are_in(record):
            name = self.input["time"]
            if self.needs_time or before is not None:
                raise GatewiseError(f"the observation has no time; give {name!r} too")
            return None, 0.0, None
        time = self.times.of_record(record)
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
        if self._has_id(record):
            return id_of_record(record, self.ids)
        scales = list(self.input["scales"])
        if len(scales) == 1:
            return str(scales[0])
        raise GatewiseError(f"the model knows {len(scales)} series; give {', '.join(map(repr, names))} too")

    def _has_id(self, record: Mapping[str, Any]) -> bool:
        return bool(self.ids) and all(name in record for name in self.ids)

    def _require_same(self, record: Mapping[str, Any], memory: SeriesMemory) -> None:
        """Raises: `GatewiseError` if a step is of another series than the sequence."""
        if self._has_id(record) and (given := id_of_record(record, self.ids)) != memory.series:
            raise GatewiseError(
                f"the sequence is of the series {memory.series!r}, whose scale it has, and the step of "
                f"{given!r}; begin a sequence for each"
            )


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and isnan(value))

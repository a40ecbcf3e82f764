"""The times of a stream of a series, read as those of a table from which the model forecasts."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl

from gatewise.data.series.step import Step
from gatewise.data.series.time_source import with_times
from gatewise.data.tables.columns import FoundColumns
from gatewise.data.tables.table import Table
from gatewise.data.times.clock import Clock, Times
from gatewise.data.times.column import read_times
from gatewise.data.times.zones import to_local
from gatewise.errors import GatewiseError
from gatewise.shipping.clock import Moment, read_moment
from gatewise.shipping.reading import shown

PLAIN_FORM = re.compile(r"(%[YmdHMS]|[-/. :T])+")  # as Python and polars read it alike


@dataclass(frozen=True)
class Local:
    """A time that has been read, on the clock of the model."""

    moment: Moment


class SeriesTimes:
    """Reads times: whole numbers, or dates in local time.

    time_format, time_zone: as in `read_series`; step: of the model
    """

    columns: FoundColumns
    step: Step
    time_format: str | None
    zone: str | None
    name: str
    source: tuple[str, ...] | tuple[()]

    def __init__(
        self, columns: FoundColumns, step: Step, time_format: str | None, time_zone: str | None
    ) -> None:
        self.columns, self.step, self.time_format, self.zone = columns, step, time_format, time_zone
        self.name, self.source = columns.time, columns.time_source or ()
        self._seen: str | None = None  # the form of the last text that was none of ISO 8601

    def are_in(self, names: Container[str]) -> bool:
        """Whether the columns with these names contain the time."""
        return self.name in names or (bool(self.source) and all(one in names for one in self.source))

    def of_record(self, record: Mapping[str, Any]) -> Moment:
        """The time of a step. Raises: `GatewiseError` if it is none of the model's kind."""
        if self.name not in record:
            return self._of_cells({name: record[name] for name in self.source})
        given = record[self.name]
        if isinstance(given, Local):
            return given.moment
        if isinstance(given, str) and self.time_format is None:
            given = self._dated(given)
        if self.step.unit == "numbers":
            moment = read_moment(given)
            if not isinstance(moment, int):
                raise GatewiseError(
                    f"the times of the model are whole numbers; expected one as {self.name!r}, got {moment}"
                )
            return moment
        if isinstance(given, str | int | float | np.integer | np.floating) and not isinstance(given, bool):
            return self._of_cells({self.name: given})
        if isinstance(given, datetime) and given.tzinfo is not None:  # without a zone, on its own clock
            given = (given if self.zone is None else given.astimezone(UTC)).replace(tzinfo=None)
        moment = read_moment(given)
        return (
            moment
            if self.zone is None
            else to_local(pl.Series([moment], dtype=pl.Datetime("us")), self.zone)[0]
        )

    def of_table(self, frame: pl.DataFrame) -> Times:
        """The times of a table, and how they are written. Raises: `GatewiseError` as `read_times`."""
        table, is_numbers = Table("the table", frame, 1), self.step.unit == "numbers"
        if self.name not in frame.columns:
            table, _ = with_times(table, self.columns)
        given = table.frame[self.name]
        if is_numbers and given.dtype.is_integer() and not given.has_nulls():
            return Times(given.cast(pl.Int64), Clock())
        read = read_times(table, self.name, self.time_format, self.zone, self.step.is_irregular)
        values, _ = read
        if not (values.dtype.is_integer() if is_numbers else isinstance(values.dtype, pl.Datetime)):
            kind = "whole numbers" if is_numbers else f"dates{self._form}"
            raise GatewiseError(
                f"the times of the model are {kind}; expected one as {self.name!r}, got {shown(given[0])}"
            )
        return read

    def written(self, times: pl.Series, frame: pl.DataFrame) -> pl.Series:
        """Times as those of a table are written."""
        clock = self.of_table(frame).clock
        restored = clock.restored(times)
        is_text = frame.schema.get(self.name) == pl.String and isinstance(restored.dtype, pl.Datetime)
        return restored.dt.to_string(clock.form) if is_text and clock.form else restored

    @property
    def _form(self) -> str:
        return "" if self.time_format is None else f" in the form {self.time_format}"

    def _of_cells(self, cells: Mapping[str, Any]) -> Moment:
        try:
            frame = pl.DataFrame({name: [value] for name, value in cells.items()})
        except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
            raise GatewiseError(f"expected a time, got {shown(list(cells.values()))}") from error
        values, clock = self.of_table(frame)
        is_plain = clock.form is not None and not clock.offset and PLAIN_FORM.fullmatch(clock.form)
        self._seen = clock.form if is_plain and self.time_format is None and self.zone is None else None
        moment: Moment = values[0]
        return moment

    def _dated(self, text: str) -> datetime | date | str:
        """A text in ISO 8601, or in the form of the last one, as a time; any other as it is."""
        if any(one in text for one in "-T:"):  # digits alone may count days, seconds or milliseconds
            try:
                return datetime.fromisoformat(text)
            except ValueError:
                pass
        if self._seen is not None:
            try:
                moment = datetime.strptime(text, self._seen)
            except ValueError:
                return text
            return moment if moment.strftime(self._seen) == text else text
        return text

"""The observations of a stream as the rows that a stepwise model reads: numbers of channels, and symbols."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from torch import Tensor

from gatewise.data.sequences.long_table import times_of_rows
from gatewise.data.tables.joined_id import ID_SEPARATOR
from gatewise.data.tables.table import Table
from gatewise.data.tokenizers.streams import StreamTokenizer, stream_tokenizer
from gatewise.errors import GatewiseError
from gatewise.plain import one_line
from gatewise.shipping.clock import Clock, read_moment
from gatewise.shipping.ids import ids_of_table

TEXT = "text"  # the column of symbols
ORDER = "the order of a time"  # a column that is added
MOST_SHOWN = 80  # characters of a value in a message
Row: TypeAlias = Any  # the numbers of an observation, or the number of a symbol
Memory: TypeAlias = Any  # what a reader remembers of a sequence, None before its first observation


class Reader(ABC):
    """Reads the observations of sequences.

    ids: the columns that identify a sequence in a table
    """

    ids: Sequence[str] = ()

    @abstractmethod
    def rows(self, observation: Any, memory: Memory) -> tuple[list[Row], Memory]:
        """The rows of an observation of a sequence, one for each step, and the memory after it.

        Raises: `GatewiseError` if it is not as expected.
        """

    def named(self, series: str | None) -> Memory:
        """The memory of a sequence before its first observation. series: whose scale it has, None if unknown

        Raises: `GatewiseError` if the model has no series.
        """
        if series is not None:
            raise GatewiseError(f"the model knows no series; got {series!r}")
        return None

    def begun(self, observation: Any, memory: Memory) -> tuple[Memory, dict[str, Tensor]]:
        """The memory before the first observation of a sequence, and the states that depend on it."""
        return memory, {}

    def by_sequence(self, frame: pl.DataFrame) -> dict[Any, Any]:
        """The observations of each sequence of a table, by its id; by None if the table has no ids."""
        has_ids = bool(self.ids) and all(name in frame.columns for name in self.ids)
        keys = ids_of_table(frame, self.ids) if has_ids else [None] * frame.height
        groups: dict[Any, Any] = {}
        for key, record in zip(keys, frame.iter_rows(named=True), strict=True):
            groups.setdefault(key, []).append(record)
        return groups

    def columns_of(
        self, keys: Sequence[Any], memories: Mapping[Any, Memory], rows: int, frame: pl.DataFrame
    ) -> dict[str, Any]:
        """The columns of a table of answers that name the sequences.

        rows: of each; frame: the observations
        """
        if not self.ids or keys == [None]:
            return {}
        cells = [key.split(ID_SEPARATOR) if len(self.ids) > 1 else [key] for key in keys]
        pairs = enumerate(self.ids)
        return {name: [one[place] for one in cells for _ in range(rows)] for place, name in pairs}

    def to_plain(self, memory: Memory) -> Any:
        """The memory as plain data."""
        return memory

    def from_plain(self, data: Any) -> Memory:
        """The memory of plain data. Raises: `ValueError` if they are something else."""
        if data is not None:
            raise ValueError("expected no memory of a sequence")
        return data


@dataclass(frozen=True)
class Begun:
    """What is remembered of a sequence of numbers: its clock, if the model reads times."""

    clock: Clock | None = None


BEGUN = Begun()


class NumberReader(Reader):
    """Reads the channels of a step: a dict of columns, a row of a table, or an array.

    input: as `description.numbers_of`
    """

    ids: Sequence[str]
    unit: Mapping[str, Any] | None
    missing: str | None
    sorts: bool
    names: Sequence[str]

    def __init__(self, input: Mapping[str, Any]) -> None:
        self.unit, self.missing = input["unit_of_time"], input["missing"]
        self.sorts, self.time = input["time"] is not None, input["time"] or "time"
        self.names = input["names"] if self.unit is None else input["names"][1:]
        self.ids = input["id"]

    def rows(self, observation: Any, memory: Memory) -> tuple[list[Row], Memory]:
        if isinstance(observation, list) and observation and isinstance(observation[0], Mapping):
            rows = []
            for record in observation:
                row, memory = self._row(record, memory)
                rows.append(row)
            return rows, memory
        row, memory = self._row(observation, memory)
        return [row], memory

    def by_sequence(self, frame: pl.DataFrame) -> dict[Any, Any]:
        """The steps of each sequence in the order of their times, if the model was trained on times."""
        if self.sorts and self.time in frame.columns:
            times, _ = times_of_rows(Table("the table", frame, 1), self.time, None)
            groups = super().by_sequence(frame.with_columns(pl.Series(ORDER, times)))
            for records in groups.values():
                records.sort(key=lambda one: one[ORDER])
            return groups
        return super().by_sequence(frame)

    def to_plain(self, memory: Memory) -> Any:
        return None if memory is None else [True, memory.clock and memory.clock.to_plain()]

    def from_plain(self, data: Any) -> Memory:
        match data:
            case None:
                return None
            case [True, None] if self.unit is None:
                return BEGUN
            case [True, clock]:
                return Begun(Clock.from_plain(clock))
        raise ValueError("expected the memory of a sequence")

    def _row(self, observation: Any, memory: Memory) -> tuple[Row, Memory]:
        values = self._values(observation)
        try:
            is_finite = all(map(isfinite, values))
        except (TypeError, OverflowError):
            values = [number_of(name, value) for name, value in zip(self.names, values, strict=True)]
            is_finite = all(map(isfinite, values))
        if not is_finite:
            self._refuse(values, memory)
        if self.unit is None:
            return values, BEGUN
        time = read_moment(self._time_of(observation))
        if memory is None:
            return [0.0, *values], Begun(Clock(time, time))
        elapsed = memory.clock.elapsed(time, self.unit["length"])
        return [elapsed, *values], Begun(memory.clock.moved(time))

    def _values(self, observation: Any) -> Sequence[Any]:
        """The values of the channels in their order."""
        if isinstance(observation, Mapping):
            return [column_of(observation, name) for name in self.names]
        values = observation.tolist() if hasattr(observation, "tolist") else observation
        if isinstance(values, Real):
            values = [values]
        if not isinstance(values, list | tuple) or len(values) != len(self.names):
            given = (
                f"{len(values)} values" if isinstance(values, list | tuple) else type(observation).__name__
            )
            raise GatewiseError(
                f"expected an observation of {len(self.names)} values, {', '.join(self.names)}, got {given}"
            )
        return values

    def _time_of(self, observation: Any) -> Any:
        if not isinstance(observation, Mapping):
            raise GatewiseError(
                f"the model reads the time since the step before: give a dict with {self.time!r} too"
            )
        return column_of(observation, self.time)

    def _refuse(self, values: Sequence[float], memory: Memory) -> None:
        """Raises: `GatewiseError` if a value is infinite, or missing where none may be."""
        for name, value in zip(self.names, values, strict=True):
            if not isnan(value):
                require_finite(name, value)
            elif self.missing is None:
                raise GatewiseError(
                    f"the value of {name!r} is missing; give one, or train the model with fill='mask'"
                )
            elif self.missing != "mask" and memory is None:
                raise GatewiseError(
                    f"the first value of {name!r} is missing, and there is none before it to repeat; give one"
                )


class SymbolReader(Reader):
    """Reads symbols of a text: their numbers, or a text of one or several.

    output: as the description of a language model
    """

    ids = ("id",)

    def __init__(self, output: Mapping[str, Any]) -> None:
        self.tokenizer: StreamTokenizer = stream_tokenizer(output["tokenizer"])

    def rows(self, observation: Any, memory: Memory) -> tuple[list[Row], Memory]:
        if isinstance(observation, list) and all(isinstance(one, Mapping) for one in observation):
            observation = "".join(str(column_of(one, TEXT)) for one in observation)
        if isinstance(observation, Mapping):
            observation = column_of(observation, TEXT)
        if isinstance(observation, int | np.integer) and not isinstance(observation, bool):
            if not 0 <= observation < len(self.tokenizer):
                raise GatewiseError(f"expected a symbol in 0..{len(self.tokenizer) - 1}, got {observation}")
            return [int(observation)], None
        if not isinstance(observation, str) or not observation:
            raise GatewiseError(f"expected a text, or the number of a symbol, got {shown(observation)}")
        try:
            return self.tokenizer.encode_prime(observation).tolist(), None
        except UnicodeError as error:
            raise GatewiseError(f"the text has half of a character: {one_line(error)}") from error


def column_of(observation: Mapping[str, Any], name: str) -> Any:
    """A value by its name. Raises: `GatewiseError` if there is none."""
    if name not in observation:
        given = ", ".join(map(repr, observation)) or "nothing"
        raise GatewiseError(f"the observation has no {name!r}; it has {given}")
    return observation[name]


def require_finite(name: str, value: float) -> float:
    """The value. Raises: `GatewiseError` if it is not finite."""
    if not isfinite(value):
        raise GatewiseError(f"expected {name!r} as a finite number, got {value}")
    return value


def number_of(name: str, value: Any) -> float:
    """A value as a number, NaN for None. Raises: `GatewiseError` if it is none."""
    if value is None:
        return float("nan")
    if not isinstance(value, Real):
        raise GatewiseError(f"expected {name!r} as a number, got {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        return inf  # of a whole number


def shown(value: Any) -> str:
    """A value for a message, shortened."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."

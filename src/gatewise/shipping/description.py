"""What the numbers of a step mean, as plain data beside a stepwise model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatewise.data.sequences.gaps import TimeUnit
from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.series.scaling import Scale

ELAPSED = "elapsed"  # the name of the time since the observation before, in the unit of the model


def numbers_of(
    columns: LongColumns | None,
    scales: Sequence[Scale],
    fill: str | None,
    unit_of_time: TimeUnit | None,
    dtype: str,
) -> dict[str, Any]:
    """The input of a model that reads channels: their names, and how missing values are filled."""
    given = columns.channels if columns is not None else ()
    channels = (
        list(given) if len(given) == len(scales) else [f"channel {one + 1}" for one in range(len(scales))]
    )
    unit = None if unit_of_time is None else {"length": unit_of_time.length, "dated": unit_of_time.dated}
    return {
        "kind": "numbers",
        "names": [ELAPSED] * (unit is not None) + channels,
        "dtype": dtype,
        "missing": fill,
        "unit_of_time": unit,
        "id": ids_of(columns),
        "time": columns and columns.time,
    }


def ids_of(columns: LongColumns | None) -> list[str]:
    """The columns that identify a sequence."""
    if columns is None or columns.id is None:
        return []
    return list(columns.id_source or (columns.id,))


def classes_of(names: Sequence[str]) -> dict[str, Any]:
    """The output of a model that predicts one of several classes: the probability of each."""
    return {"kind": "classes", "names": list(names)}


def values_of(names: Sequence[str]) -> dict[str, Any]:
    """The output of a model that predicts numbers."""
    return {"kind": "values", "names": list(names)}

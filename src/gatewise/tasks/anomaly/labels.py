"""Series with a column of labels: 1 at the steps of an anomaly, 0 elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from gatewise.data.series.scaled_table import SeriesScaling
from gatewise.data.series.series import read_series
from gatewise.data.series.series_set import SeriesSet
from gatewise.data.series.step import Step
from gatewise.data.series.timed_table import open_series
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.names import name_some
from gatewise.errors import GatewiseError

LABEL_NAMES = ("anomaly", "is_anomaly", "outlier", "is_outlier", "label")


class LabelledSeries(NamedTuple):
    """Series, and the labels of each, [T] booleans; `label` is their column, None where there is none."""

    source: SeriesSet
    labels: tuple[np.ndarray, ...]
    label: str | None

    def warned(self, learned: SeriesScaling) -> LabelledSeries:
        """The series with warnings on categories that a model does not know."""
        return self._replace(source=self.source.warned(*learned.unseen(self.source)))

    def only(self, numbers: Sequence[int], reason: str) -> LabelledSeries:
        """Some of the series, with a warning on the others. reason: why these are left out"""
        kept, series = set(numbers), self.source.series
        left_out = [one.id for number, one in enumerate(series) if number not in kept]
        if not left_out:
            return self
        source = replace(self.source, series=tuple(series[number] for number in numbers)).warned(
            f"{len(left_out)} of {len(series)} series are left out, {reason}: {name_some(left_out)}"
        )
        return self._replace(source=source, labels=tuple(self.labels[number] for number in numbers))


def read_labelled(
    path: Path,
    columns: Columns,
    label: str | None,
    *,
    fill: str | None = None,
    season: int = 0,
    time_format: str | None = None,
    time_zone: str | None = None,
    irregular: bool = False,
    step: Step | None = None,
) -> LabelledSeries:
    """Reads series with their labels.

    label: the column of labels; without one, no step is labelled as an anomaly
    fill, season, time_format, time_zone, irregular, step: as in `read_series`; a value of the season before
        is no anomaly

    Raises: `GatewiseError` with the file and the column of a cell that is not as expected.
    """
    observed = columns.observed if label is None else (*columns.observed, label)
    source = read_series(
        path,
        replace(columns, observed=observed),
        fill=fill,
        season=season,
        time_format=time_format,
        time_zone=time_zone,
        irregular=irregular,
        step=step,
    )
    if source.columns.target_source is not None:
        raise GatewiseError(
            f"{path}: expected one column for --target, got {', '.join(source.columns.target_source)}; "
            "--wide columns reads each column of numbers as a series"
        )
    if label is None:
        return LabelledSeries(source, tuple(np.zeros(len(series), bool) for series in source.series), None)
    labels = []
    for series in source.series:
        values = series.observed[:, -1]
        invalid = ~np.isin(values, (0, 1))
        if invalid.any() and fill != "linear":
            raise GatewiseError(
                f"{path}, column {label!r}: expected the labels 0 and 1, got {values[invalid.argmax()]:g} "
                f"in series {series.id!r}"
            )
        labels.append((values > 0) & ~series.filled if fill == "seasonal" else values > 0)
    bare = tuple(
        replace(series, observed=series.observed[:, :-1], categories=series.categories[:-1])
        for series in source.series
    )
    bare_columns = replace(source.columns, observed=source.columns.observed[:-1])
    return LabelledSeries(replace(source, series=bare, columns=bare_columns), tuple(labels), label)


def find_label(path: Path, columns: Columns) -> str | None:
    """The column that is called like labels and holds only 0 and 1, if there is one."""
    frame = open_series(path, columns.dialect).frame
    used_columns = (columns.time, columns.target, columns.id, *columns.known, *columns.observed)
    for name in frame.columns:
        if name.lower() in LABEL_NAMES and name not in used_columns:
            values = frame[name].cast(pl.Float64, strict=False)
            if values.is_in([0.0, 1.0]).all() and not values.has_nulls():
                return name
    return None

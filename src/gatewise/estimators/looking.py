"""A look at a table of series before a model is trained on it."""

from __future__ import annotations

from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from gatewise.data.memory.frames import to_polars
from gatewise.data.series.overview import FAULTS, SeriesOverview, look_at_series
from gatewise.data.series.timed_table import open_series
from gatewise.data.standard_input import copy_standard_input, is_standard_input
from gatewise.estimators.keywords import as_given
from gatewise.estimators.running import errors_naming
from gatewise.estimators.stored import PREFIX
from gatewise.plots.series import draw_series
from gatewise.tasks.config import resolve
from gatewise.tasks.forecast.options import ForecastTableOptions

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["FAULTS", "ForecastTableOptions", "Overview", "look"]


class Overview(SeriesOverview):
    """What a table of series holds, and what is missing or wrong in it.

    `columns` and `series` are polars frames, `step`, `notes` and `problem` as in their descriptions;
    `sentences()` counts what is missing, and `plot()` draws the first series.
    """

    def plot(self) -> Figure:
        """Draws the first series, with their missing steps and values shaded.

        Raises: `GatewiseError` if the roles of the columns are not clear.
        """
        return draw_series(self)

    def _repr_html_(self) -> str:
        lines = [*self.sentences(), *self.notes, *([] if self.problem is None else [self.problem])]
        series = "" if self.series is None else self.series._repr_html_()
        return self.columns._repr_html_() + series + "".join(f"<p>{escape(line)}</p>" for line in lines)


def look(data: object, **options: Any) -> Overview:
    """Shows what would be read from a table of series: its columns, series, times and what is missing.

    data: a path, or a table of pandas, polars or pyarrow
    options: those of a `Forecaster` that describe a table: `time`, `target`, `id`, `wide`, `missing`, ...

    Returns: the columns and the series as tables; `problem` is why a forecast would refuse it, None if not.

    Raises: `GatewiseError` if the data are no table, or an option is unknown.

    >>> import polars as pl
    >>> found = look(pl.DataFrame({"day": ["2024-01-01", "2024-01-02", "2024-01-04"], "sold": [3, 4, 6]}))
    >>> found.sentences()
    ['1 series of 3 rows, with a step of one day', "missing steps: 1, in 'sold'"]
    """
    resolved = resolve(ForecastTableOptions, None, options)
    with TemporaryDirectory(prefix=PREFIX) as directory:
        path = copy_standard_input(Path(directory), ".csv") if is_standard_input(data) else data
        source = path if isinstance(path, str | Path) else to_polars(path)
        with errors_naming(Path(str(path)), data, ForecastTableOptions):
            table = open_series(source, resolved.dialect)
            found = look_at_series(
                table,
                resolved.columns,
                fill=resolved.fill,
                season=resolved.period,
                time_format=resolved.time_format,
                time_zone=resolved.time_zone,
                irregular=resolved.irregular,
            )
    problem = None if found.problem is None else as_given(found.problem, ForecastTableOptions)
    notes = tuple(as_given(note, ForecastTableOptions) for note in found.notes)
    return Overview(**{**vars(found), "problem": problem, "notes": notes})

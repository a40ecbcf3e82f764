"""The options of tasks that read tables of series."""

from __future__ import annotations

from pydantic import Field

from gatewise.data.series.filling import MASK, Fill
from gatewise.data.tables.columns import Columns, Wide
from gatewise.tasks.options import ColumnNames, TableOptions


class SeriesOptions(TableOptions):
    """The data"""

    time: ColumnNames = Field(
        None,
        description="Column of times, or several separated by commas, such as year,month; none numbers the "
        "rows. Recognized by its dates if not given.",
    )
    target: ColumnNames = Field(
        None,
        description="Column of values. Forecasts may have several separated by commas, each with a scale of "
        "its own.",
    )
    id: ColumnNames = Field(
        None,
        description="Column of series ids, or several separated by commas, for a file of several series.",
    )
    wide: Wide | None = Field(
        None,
        description="For wide tables: each column of numbers, or each row, is a series; by default each row "
        "is a step, unless columns are named by times or numbers.",
    )
    known: tuple[str, ...] = Field(
        (), description="Columns known in advance, separated by commas in a shell."
    )
    observed: tuple[str, ...] = Field(
        (), description="Columns known up to the present, separated by commas in a shell."
    )
    categorical: tuple[str, ...] = Field(
        (),
        description="Which of these columns are categorical, such as holidays; separated by commas in a "
        "shell.",
    )
    fill: Fill | None = Field(
        None,
        description="How to fill gaps, after missing values at both ends are cut off; by default gaps raise "
        "an error.",
    )
    irregular: bool = Field(
        False,
        description="Read times that are not one step apart, and let the network read the time since the "
        "step before.",
    )
    time_format: str | None = Field(
        None,
        description="Format of the times, such as %d/%m/%Y; excel for the serial numbers of Excel, study for "
        "years and months such as 1-01.",
    )
    time_zone: str | None = Field(
        None,
        description="Time zone, such as Europe/Berlin, to which times in UTC are converted, for days of "
        "local time.",
    )

    @property
    def reads_gaps(self) -> bool:
        return self.fill == MASK

    @property
    def columns(self) -> Columns:
        """The columns that are given, by role."""
        return Columns(
            self.time,
            self.target,
            self.id,
            self.known,
            self.observed,
            categorical=self.categorical,
            dialect=self.dialect,
            wide=self.wide,
        )

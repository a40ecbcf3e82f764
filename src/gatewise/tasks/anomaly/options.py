"""The options of detecting anomalies."""

from __future__ import annotations

from pydantic import Field

from gatewise.data.series.filling import Fill
from gatewise.data.tables.columns import Wide
from gatewise.tasks.options import CountOrAuto, Fraction, StackOptions, TableOptions, TaskOptions


class AnomalyDataOptions(TableOptions):
    """The data"""

    time: str | None = Field(
        None,
        description="The column of times, or several with commas, such as year,month; none counts the rows; "
        "recognised by its dates if not given.",
    )
    target: str | None = Field(None, description="The column of values.")
    id: str | None = Field(
        None, description="The column of series ids, or several with commas, for a file of several series."
    )
    label: str | None = Field(
        None, description="The column of labels, 1 at an anomaly and 0 elsewhere; recognised by its name."
    )
    wide: Wide | None = Field(
        None,
        description="Of a wide table: each column of numbers, or each row, is a series; by default each row "
        "is a step, unless columns are named by times or numbers.",
    )
    known: tuple[str, ...] = Field((), description="Columns known in advance, with commas.")
    observed: tuple[str, ...] = Field((), description="Columns known up to the present, with commas.")
    categorical: tuple[str, ...] = Field(
        (), description="Those of these columns that are categories, such as holidays, with commas."
    )
    fill: Fill | None = Field(
        None,
        description="How to fill gaps, after missing values at both ends are cut off; an error if not given.",
    )
    time_format: str | None = Field(
        None, description="The format of the times, such as %d/%m/%Y; excel for the serial numbers of Excel."
    )
    time_zone: str | None = Field(
        None,
        description="Time zone to convert times in UTC to, such as Europe/Berlin, for days of local time.",
    )
    context: CountOrAuto = Field(
        0, description="Steps before the one that is scored; 0 chooses it from the data."
    )
    period: CountOrAuto = Field(
        0, description="Steps after which the series repeats; 0 finds it in the data."
    )
    validation_fraction: Fraction = Field(
        0.2, description="The fraction of each series in the validation set."
    )
    test_fraction: Fraction = Field(0.2, description="The fraction of each series, its end, in the test set.")


class AnomalyOptions(TaskOptions, StackOptions, AnomalyDataOptions):
    """The training"""

    false_alarm_rate: float = Field(
        0.01, gt=0, lt=0.5, description="The fraction of normal validation steps that may be flagged."
    )

"""The options of detecting anomalies."""

from __future__ import annotations

from pydantic import Field

from gatewise.tasks.options import CountOrAuto, Fraction, StackOptions, TaskOptions
from gatewise.tasks.series_options import SeriesOptions


class AnomalyDataOptions(SeriesOptions):
    """The data"""

    label: str | None = Field(
        None, description="The column of labels, 1 at an anomaly and 0 elsewhere; recognized by its name."
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

"""The options of detecting anomalies."""

from __future__ import annotations

from pydantic import Field

from gatewise.tasks.options import CountOrAuto, Fraction, StackOptions, TaskOptions
from gatewise.tasks.series_options import SeriesOptions


class AnomalyDataOptions(SeriesOptions):
    """The data"""

    label: str | None = Field(
        None,
        description="Column of labels, 1 at an anomaly and 0 elsewhere; by default recognized by its name.",
    )
    context: CountOrAuto = Field(
        0, description="Steps that the model reads before the scored one; 0 chooses the number from the data."
    )
    period: CountOrAuto = Field(
        0, description="Steps after which the series repeats; 0 finds the number in the data."
    )
    validation_fraction: Fraction = Field(
        0.2, description="The fraction of each series in the validation set."
    )
    test_fraction: Fraction = Field(
        0.2, description="The fraction at the end of each series in the test set."
    )


class AnomalyOptions(TaskOptions, StackOptions, AnomalyDataOptions):
    """The training"""

    false_alarm_rate: float = Field(
        0.01, gt=0, lt=0.5, description="The fraction of normal validation steps that may be flagged."
    )

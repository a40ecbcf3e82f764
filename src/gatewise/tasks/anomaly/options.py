"""The options of detecting anomalies."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gatewise.tasks.options import CountOrFound, Fraction, Options, StackOptions, TaskOptions


class AnomalyDataOptions(Options):
    """The data"""

    time: str | None = Field(None, description="The column of times; recognised by its dates.")
    target: str | None = Field(None, description="The column of values.")
    id: str | None = Field(None, description="The column that tells many series apart.")
    label: str | None = Field(
        None, description="The column of labels, 1 at an anomaly and 0 elsewhere; recognised by its name."
    )
    known: tuple[str, ...] = Field((), description="Columns known in advance, with commas.")
    observed: tuple[str, ...] = Field((), description="Columns known up to the present, with commas.")
    fill: Literal["linear", "forward"] | None = Field(None, description="How to fill gaps, if at all.")
    time_format: str | None = Field(None, description="The form of the times, such as %d/%m/%Y.")
    context: CountOrFound = Field(0, description="Steps before the one that is scored; 0 finds a number.")
    period: CountOrFound = Field(0, description="Steps after which the series repeats; 0 finds it.")
    validation_fraction: Fraction = Field(0.2, description="The fraction of each series for the threshold.")
    test_fraction: Fraction = Field(0.2, description="The last fraction of each series, the test set.")


class AnomalyOptions(TaskOptions, StackOptions, AnomalyDataOptions):
    """The training"""

    false_alarm_rate: float = Field(
        0.01, gt=0, lt=0.5, description="The fraction of normal validation steps that may be flagged."
    )

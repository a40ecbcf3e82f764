"""Series ready for anomaly detection: split by time, scaled, cut into windows of one step ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gatewise.data.series.filling import Fill
from gatewise.data.series.period import require_period
from gatewise.data.series.scaled_table import SeriesScaling, learn_scales, scaled_table
from gatewise.data.series.series_set import Series, SeriesSet
from gatewise.data.series.step import Step
from gatewise.data.series.windows import Windows, window_starts
from gatewise.data.splits import Fractions, time_split
from gatewise.data.tables.columns import FoundColumns
from gatewise.data.times.formats import format_time, time_order
from gatewise.errors import GatewiseError
from gatewise.tasks.anomaly.labels import LabelledSeries, find_label, read_labelled
from gatewise.tasks.preprocessing import options_of_training

MIN_CONTEXT, MAX_USUAL_CONTEXT = 24, 168
DEFAULT_FRACTIONS = Fractions(0.2, 0.2)


@dataclass(frozen=True)
class AnomalyPlan:
    """How series are split and cut. A zero `context` or `period` is found from the data."""

    false_alarm_rate: float = 0.01
    context: int = 0
    period: int = 0
    fractions: Fractions = DEFAULT_FRACTIONS

    def borders(self, steps: int) -> tuple[int, int]:
        """The first steps of the validation set and of the test set of a series."""
        return time_split(steps, self.fractions)


class LabelledWindows(Windows):
    """Windows whose last step is scored.

    steps, labels: [windows], that step in its own series, and whether it is labelled as an anomaly
    """

    steps: Tensor
    labels: Tensor

    def __init__(
        self,
        values: Tensor,
        starts: Tensor,
        series: Tensor,
        steps: Tensor,
        labels: Tensor,
        context: int,
        known: int,
    ) -> None:
        super().__init__(values, starts, series, context, 1, known)
        self.steps, self.labels = steps, labels

    def only(self, number: int) -> LabelledWindows:
        """One window."""
        window = slice(number, number + 1)
        return LabelledWindows(
            self.values,
            self.starts[window],
            self.series[window],
            self.steps[window],
            self.labels[window],
            self.context,
            self.known,
        )

    @property
    def normal(self) -> np.ndarray:
        """Which windows are not labelled as an anomaly, [windows] booleans."""
        return ~self.labels.numpy()


@dataclass(frozen=True)
class AnomalyData:
    """Series ready for anomaly detection. The plan's context and period are not zero.

    label: the column of labels, None where there is none
    train, validation: empty if a model is only evaluated
    """

    plan: AnomalyPlan
    source: SeriesSet
    label: str | None
    learned: SeriesScaling
    train: LabelledWindows
    validation: LabelledWindows
    test: LabelledWindows

    @property
    def has_events(self) -> bool:
        """Whether the test set has labelled anomalies."""
        return bool(self.test.labels.any())

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found in the data, how they are split, and what the threshold rests on."""
        if not len(self.train):
            return (*self.source.notes, f"test set {len(self.test)} steps")
        plan = self.plan
        period = f"a period of {plan.period}" if plan.period > 1 else "no period"
        if plan.period > plan.context:
            period += ", longer than the context: no seasonal naive"
        plan_note = f"a step is {self.source.step.words}; a context of {plan.context} steps; {period}"
        sizes = (
            f"training set {len(self.train)}, validation set {len(self.validation)}, "
            f"test set {len(self.test)} steps; each series is split by time"
        )
        notes = [*self.source.notes, plan_note, sizes]
        if self.label is not None:
            events = int(self.test.labels.sum())
            notes.append(f"labels are column {self.label!r}; {events} steps of the test set are anomalies")
        normal = int(self.validation.normal.sum())
        if normal * plan.false_alarm_rate < 1:
            notes.append(
                f"the validation set has {normal} normal steps, too few for a false-alarm rate of "
                f"{plan.false_alarm_rate:g}: the threshold is their largest score"
            )
        return tuple(notes)


@dataclass(frozen=True)
class Preprocessing:
    """How a model reads series."""

    plan: AnomalyPlan
    learned: SeriesScaling
    columns: FoundColumns
    label: str | None
    step: str
    fill: Fill | None = None
    time_format: str | None = None
    season: int = 0
    time_zone: str | None = None

    def series(self, path: Path, labelled: bool = False) -> LabelledSeries:
        """The series of a file; labelled: with its labels, where it has some.

        Raises: `GatewiseError` if their step is not that of the training data.
        """
        label = (self.label or find_label(path, self.columns)) if labelled else None
        with options_of_training():
            labelled_series = read_labelled(
                path,
                self.columns,
                label,
                fill=self.fill,
                season=self.season,
                time_format=self.time_format,
                time_zone=self.time_zone,
                irregular=Step.named(self.step).is_irregular,
                step=Step.named(self.step),
            )
        if str(labelled_series.source.step) != self.step:
            raise GatewiseError(
                f"the model was trained on steps of {Step.named(self.step).words}; {path} has steps of "
                f"{labelled_series.source.step.words}"
            )
        return labelled_series


def prepare(labelled: LabelledSeries, plan: AnomalyPlan, learned: SeriesScaling | None = None) -> AnomalyData:
    """Splits each series by time, learns scales on the training set, and cuts windows.

    Labelled steps of the training set are no targets, only context. Series that are too short for the
    context are left out.

    learned: of a model that is trained further; None learns the scales here

    Raises: `GatewiseError` if every series is too short.
    """
    labelled = _long_enough(labelled, plan)
    source = labelled.source
    plan = complete_plan(plan, source)
    borders = [plan.borders(len(series)) for series in source.series]
    pairs = zip(source.series, borders, strict=True)
    if all(np.ptp(series.target[:training]) == 0 for series, (training, _) in pairs):
        raise GatewiseError("the target is constant in the training set: there is nothing to learn")
    scaling = learn_scales(source, [training for training, _ in borders], learned)
    overlap = scaling.overlap(source, lambda steps: plan.borders(steps)[1])
    scaling = scaling.seen_up_to(source, lambda steps: plan.borders(steps)[1])
    labelled = labelled.warned(scaling)
    source = labelled.source.warned(*overlap)
    spans = [
        [
            (0, *ends, len(series))[split : split + 2]
            for series, ends in zip(source.series, borders, strict=True)
        ]
        for split in range(3)
    ]
    train, validation, test = (cut(labelled, scaling, plan, split_spans) for split_spans in spans)
    if not train.normal.any() or not validation.normal.any():
        set_name = "validation" if train.normal.any() else "training"
        raise GatewiseError(
            f"every step of the {set_name} set is labelled as an anomaly: there is nothing to learn"
        )
    normal_train = cut(labelled, scaling, plan, spans[0], normal_only=True)
    return AnomalyData(plan, source, labelled.label, scaling, normal_train, validation, test)


def read_test_data(path: Path, preprocessing: Preprocessing) -> AnomalyData:
    """The steps of a file that a model has not seen, with the steps before them as context.

    Series without such a step are left out.

    Raises: `GatewiseError` if the model has seen all of every series, or there is too little context.
    """
    labelled = preprocessing.series(path, labelled=True)
    plan, seen = preprocessing.plan, preprocessing.learned.seen
    spans = [(_steps_seen(series, seen.get(series.id)), len(series)) for series in labelled.source.series]
    scored = [number for number, (first, end) in enumerate(spans) if max(first, plan.context) < end]
    if not scored:
        series, (first, end) = labelled.source.series[0], spans[0]
        reason = f"a context of {plan.context} steps" if first < end else f"values up to {seen[series.id]}"
        raise GatewiseError(
            f"series {series.id!r} has no step to score: the model has {reason} and the series ends at "
            f"{format_time(series.times[end - 1])}; give a file with later values"
        )
    labelled = labelled.only(scored, "without a step to score").warned(preprocessing.learned)
    source, spans = labelled.source, [spans[number] for number in scored]
    scaling = learn_scales(source, [len(series) for series in source.series], preprocessing.learned)
    test, empty = (
        cut(labelled, scaling, plan, series_spans) for series_spans in (spans, [(0, 0)] * len(spans))
    )
    return AnomalyData(plan, source, labelled.label, scaling, empty, empty, test)


def longer_than_context(labelled: LabelledSeries, context: int) -> LabelledSeries:
    """The series with a step to score. Raises: `GatewiseError` if there is none."""
    series = labelled.source.series
    scored = [number for number, one in enumerate(series) if len(one) > context]
    if not scored:
        longest = max(series, key=len)
        raise GatewiseError(
            f"series {longest.id!r} has {len(longest)} steps; the model has a context of {context}"
        )
    return labelled.only(scored, f"not longer than the context of {context} steps")


def _long_enough(labelled: LabelledSeries, plan: AnomalyPlan) -> LabelledSeries:
    """The series whose training set is longer than the context. Raises: `GatewiseError` if there is none."""
    series, context = labelled.source.series, plan.context or 1
    long = [number for number, one in enumerate(series) if plan.borders(len(one))[0] > context]
    if not long:
        longest = max(series, key=len)
        training = max(plan.borders(len(longest))[0], 0)
        raise GatewiseError(
            f"series {longest.id!r} has {len(longest)} steps, {training} of them in the training set; a "
            f"context of {context} needs {context + 1}: give more data or a shorter --context"
        )
    return labelled.only(long, f"too short for a context of {context}")


def _steps_seen(series: Series, last: str | None) -> int:
    """The steps up to a time, the last one that a model has seen; None for no step."""
    order = time_order(series.times)
    times = [order(format_time(time)) for time in series.times[: len(series)]]
    return 0 if last is None else sum(time <= order(last) for time in times)


def complete_plan(plan: AnomalyPlan, source: SeriesSet) -> AnomalyPlan:
    """The plan with its context and period found from the data where they are zero."""
    longest = max(source.series, key=len)
    training = max(plan.borders(len(longest))[0], 3)
    period = require_period(plan.period, [longest.target[:training]], source.step)
    useful = min(max(2 * period, MIN_CONTEXT), MAX_USUAL_CONTEXT)
    shortest = min(plan.borders(len(series))[0] for series in source.series)
    return replace(plan, context=plan.context or max(min(useful, shortest // 2), 1), period=period)


def cut(
    labelled: LabelledSeries,
    scaling: SeriesScaling,
    plan: AnomalyPlan,
    spans: Sequence[tuple[int, ...]],
    normal_only: bool = False,
) -> LabelledWindows:
    """The windows that score the steps first .. last - 1 of each series, except masked ones.

    spans: (first, last) of each series; normal_only: without the steps that are labelled as anomalies
    """
    source, context = labelled.source, plan.context
    tables = [scaled_table(series, scaling)[: len(series)] for series in source.series]
    offsets = np.cumsum([0, *(len(table) for table in tables[:-1])])
    starts = [window_starts(first, last, context, 1) for first, last in spans]
    if scaling.masked:
        starts = [
            first[~series.filled[first + context]]
            for series, first in zip(source.series, starts, strict=True)
        ]
    if normal_only:
        starts = [
            first[~labels[first + context]] for first, labels in zip(starts, labelled.labels, strict=True)
        ]
    steps = np.concatenate(starts) + context
    rows = np.concatenate([first + offset for first, offset in zip(starts, offsets, strict=True)])
    series = np.repeat(np.arange(len(starts)), [len(first) for first in starts])
    labels = np.concatenate(
        [series_labels[first + context] for series_labels, first in zip(labelled.labels, starts, strict=True)]
    )
    values = torch.from_numpy(np.concatenate(tables)).float()
    known = len(scaling.known_inputs(source.columns))
    return LabelledWindows(
        values,
        torch.from_numpy(rows),
        torch.from_numpy(series),
        torch.from_numpy(steps),
        torch.from_numpy(labels),
        context,
        known,
    )

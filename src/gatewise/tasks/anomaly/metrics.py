"""The scores of a detector: by events where there are labels, and by residuals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gatewise.data.times.formats import format_time
from gatewise.metrics.counts import Counts
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.tasks.anomaly.data import AnomalyData, LabelledWindows
from gatewise.tasks.anomaly.detector import Detector, Scores
from gatewise.tasks.predictions import Predictions

F1 = Metric("f1", "event F1", ".1%", higher_is_better=True)
PRECISION = Metric("precision", "precision", ".1%", higher_is_better=True)
RECALL = Metric("recall", "recall", ".1%", higher_is_better=True)
FALSE_ALARMS = Metric("false_alarm_rate", "false alarms", ".2%")
RESIDUAL = Metric("residual", "mean |residual|")
NLL = Metric("nll", "NLL", relative=False)
EVENTS_SHOWN = 30


class Event(NamedTuple):
    """A run of steps: windows first .. last - 1."""

    first: int
    last: int


@dataclass(frozen=True)
class Detections(Predictions[Detector, LabelledWindows]):
    """The scores of the steps of a split."""

    scores: Scores

    @property
    def flags(self) -> np.ndarray:
        """Which steps are flagged, [windows] booleans."""
        return flagged(self.network, self.scores)


def score(predictions: Detections) -> dict[str, float]:
    """Scores the steps of a split.

    Event precision, recall and F1: an event is a run of labelled steps, detected where one of them is
    flagged; a false alarm is a run of flagged steps that touches no event. Zero where undefined.
    False-alarm rate: the fraction of normal steps that are flagged. Residual: the mean `|truth - expected|`
    of normal steps, in standard deviations of the series; NLL: the mean negative log-likelihood of them.
    """
    found, windows, flags = predictions.scores, predictions.split, predictions.flags
    events, normal = count_events(windows, flags), windows.normal
    rate, residual, nll = (
        float(one[normal].mean()) if normal.any() else 0.0
        for one in (flags, np.abs(found.truth - found.location), found.nll)
    )
    return {
        "f1": events.f1,
        "precision": events.precision,
        "recall": events.recall,
        "false_alarm_rate": rate,
        "residual": residual,
        "nll": nll,
    }


def flagged(detector: Detector, scores: Scores) -> np.ndarray:
    """Which windows have a score above the threshold, [windows] booleans."""
    return scores.score > float(detector.threshold)


def count_events(windows: LabelledWindows, flags: np.ndarray) -> Counts:
    """How many events there are, how many alarms, and how many events are detected."""
    events = detected = false_alarms = 0
    labels = windows.labels.numpy()
    for own in series_windows(windows):
        found, alarms = runs(labels[own]), runs(flags[own])
        events += len(found)
        detected += sum(bool(flags[own][one.first : one.last].any()) for one in found)
        false_alarms += sum(not labels[own][one.first : one.last].any() for one in alarms)
    return Counts(events, detected + false_alarms, detected)


def series_windows(windows: LabelledWindows) -> Iterator[np.ndarray]:
    """The numbers of the windows of each series, in order of time."""
    series = windows.series.numpy()
    return (np.flatnonzero(series == one) for one in np.unique(series))


def runs(marks: np.ndarray) -> list[Event]:
    """The runs of true values.

    >>> runs(np.array([True, False, True, True]))
    [Event(first=0, last=1), Event(first=2, last=4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
    return [Event(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def event_table(predictions: Detections, data: AnomalyData) -> list[Details]:
    """A table of the labelled events of a split, or of the flagged stretches if it has no labels."""
    flags, labels = predictions.flags, predictions.split.labels.numpy()
    rows = []
    for own in series_windows(predictions.split):
        series = data.source.series[int(predictions.split.series[own[0]])]
        for event in runs((labels if data.has_events else flags)[own]):
            inside = own[event.first : event.last]
            first, last = (
                format_time(series.times[int(predictions.split.steps[one])]) for one in inside[[0, -1]]
            )
            detected = "yes" if flags[inside].any() else "no"
            highest = f"{predictions.scores.score[inside].max():.3g}"
            rows.append((series.id, first, last, str(len(inside)), highest, detected))
    what = "labelled events" if data.has_events else "flagged stretches"
    some = f", the first {EVENTS_SHOWN} of {len(rows)}" if len(rows) > EVENTS_SHOWN else ""
    header = ("series", "first", "last", "steps", "highest score", "flagged")
    return [Details(f"{what} of the test set{some}", header, tuple(rows[:EVENTS_SHOWN]))] if rows else []

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
    scores, windows, flags = predictions.scores, predictions.split, predictions.flags
    events, normal = count_events(windows, flags), windows.normal
    rate, residual, nll = (
        float(values[normal].mean()) if normal.any() else 0.0
        for values in (flags, np.abs(scores.truth - scores.location), scores.nll)
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
    for numbers in series_windows(windows):
        series_events, alarms = runs(labels[numbers]), runs(flags[numbers])
        events += len(series_events)
        detected += sum(bool(flags[numbers][event.first : event.last].any()) for event in series_events)
        false_alarms += sum(not labels[numbers][alarm.first : alarm.last].any() for alarm in alarms)
    return Counts(events, detected + false_alarms, detected)


def series_windows(windows: LabelledWindows) -> Iterator[np.ndarray]:
    """The numbers of the windows of each series, in order of time."""
    series = windows.series.numpy()
    return (np.flatnonzero(series == number) for number in np.unique(series))


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
    for numbers in series_windows(predictions.split):
        series = data.source.series[int(predictions.split.series[numbers[0]])]
        for event in runs((labels if data.has_events else flags)[numbers]):
            inside = numbers[event.first : event.last]
            first, last = (
                format_time(series.times[int(predictions.split.steps[window])]) for window in inside[[0, -1]]
            )
            detected = "yes" if flags[inside].any() else "no"
            highest = f"{predictions.scores.score[inside].max():.3g}"
            rows.append((series.id, first, last, str(len(inside)), highest, detected))
    kind = "labelled events" if data.has_events else "flagged stretches"
    limit = f", the first {EVENTS_SHOWN} of {len(rows)}" if len(rows) > EVENTS_SHOWN else ""
    header = ("series", "first", "last", "steps", "highest score", "flagged")
    return [Details(f"{kind} of the test set{limit}", header, tuple(rows[:EVENTS_SHOWN]))] if rows else []

"""One step of the test set for inspection: its context, the expected band and its value."""

from __future__ import annotations

from gatewise.data.times.formats import format_time, shortest_format
from gatewise.report.example import Example, Line, Track, channels, require_example
from gatewise.tasks.anomaly.data import AnomalyData
from gatewise.tasks.anomaly.detector import Detector, score_windows


def inspect_step(detector: Detector, data: AnomalyData, number: int) -> Example:
    """A step of the test set, with the context that the detector reads."""
    require_example(number, len(data.test), "steps in the test set")
    batch, step = data.test.__getitems__([number]), int(data.test.steps[number])
    series = data.source.series[int(batch.series)]
    scale, past = data.learned.series[series.id], data.plan.context
    scores, threshold = score_windows(detector, data.test.only(number)), float(detector.threshold)
    reach = threshold * scores.scale
    target = (
        Line("given", scale.undo(batch.past[0, :, 0].double().numpy())),
        Line("value", scale.undo(scores.truth), past),
        Line("expected", scale.undo(scores.location), past),
        Line("lower limit", scale.undo(scores.location - reach), past),
        Line("upper limit", scale.undo(scores.location + reach), past),
    )
    columns = data.source.columns
    names = [*data.learned.known_inputs(columns), *data.learned.observed_inputs(columns)]
    window_times = series.times[step - past : step + 1]
    time_format = shortest_format(window_times)
    times = tuple(
        map(format_time, window_times if time_format is None else window_times.dt.to_string(time_format))
    )
    verdict = "flagged" if scores.score[0] > threshold else "not flagged"
    prediction = (
        f"at {times[-1]} it expects {target[2].values[0]:.6g}, and the value is "
        f"{target[1].values[0]:.6g}: score {scores.score[0]:.3g}, threshold {threshold:.3g}, {verdict}"
    )
    tracks = (Track(columns.target, target), *channels(names, batch.past[0, :, 1:].numpy()))
    name = f"{series.id}, step {number} of the test set"
    return Example(batch, name, tracks, prediction, times, str(data.source.step))

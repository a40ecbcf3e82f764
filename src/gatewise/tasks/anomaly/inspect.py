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
    found, threshold = score_windows(detector, data.test.only(number)), float(detector.threshold)
    reach = threshold * found.scale
    target = (
        Line("given", scale.undo(batch.past[0, :, 0].double().numpy())),
        Line("value", scale.undo(found.truth), past),
        Line("expected", scale.undo(found.location), past),
        Line("lower limit", scale.undo(found.location - reach), past),
        Line("upper limit", scale.undo(found.location + reach), past),
    )
    names = [
        *(f"{part} of the {cycle}" for cycle in data.learned.cycles for part in ("sine", "cosine")),
        *(data.source.columns.known + data.source.columns.observed),
    ]
    own = series.times[step - past : step + 1]
    form = shortest_format(own)
    times = tuple(map(format_time, own if form is None else own.dt.to_string(form)))
    verdict = "flagged" if found.score[0] > threshold else "not flagged"
    prediction = (
        f"at {times[-1]} it expects {target[2].values[0]:.6g}, and the value is "
        f"{target[1].values[0]:.6g}: score {found.score[0]:.3g}, threshold {threshold:.3g}, {verdict}"
    )
    tracks = (Track(data.source.columns.target, target), *channels(names, batch.past[0, :, 1:].numpy()))
    name = f"{series.id}, step {number} of the test set"
    return Example(batch, name, tracks, prediction, times, str(data.source.step))

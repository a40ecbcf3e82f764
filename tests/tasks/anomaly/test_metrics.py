"""Events: runs of labels, detected by any flag in them; other runs of flags are false alarms."""

import numpy as np
import pytest
import torch

from gatewise.tasks.anomaly.baselines import LaggedResidual, RollingZScore
from gatewise.tasks.anomaly.data import LabelledWindows
from gatewise.tasks.anomaly.detector import DetectorShape, score_windows
from gatewise.tasks.anomaly.metrics import Detections, count_events, flagged, score


def windows(values, labels=None, context=2, series=1):
    """Windows over one or several series of equal length, one below the other."""
    values = torch.tensor(values, dtype=torch.float32)
    size = len(values) // series
    starts = torch.cat([torch.arange(size - context) + size * one for one in range(series)])
    steps = torch.cat([torch.arange(context, size)] * series)
    which = torch.arange(series).repeat_interleave(size - context)
    marks = torch.zeros(len(values), dtype=bool) if labels is None else torch.tensor(labels, dtype=bool)
    return LabelledWindows(values[:, None], starts, which, steps, marks[starts + context], context, 0)


def of(text, series=1):
    """Labels or flags as 0 and 1, without the two steps of context of each series."""
    return np.array([one == "1" for one in text])


def counts(labels, flags, series=1):
    size = len(labels) // series
    padded = "".join("00" + labels[one * size :][:size] for one in range(series))
    return count_events(
        windows([0.0] * len(padded), [one == "1" for one in padded], series=series), of(flags)
    )


@pytest.mark.parametrize(
    ("labels", "flags", "expected"),
    [
        ("0110000", "0010000", (1, 1, 1)),  # one step of an event is enough
        ("0110000", "0111000", (1, 1, 1)),  # a run of flags that begins in an event is no false alarm
        ("0110000", "0110110", (1, 2, 1)),  # another run is one false alarm, however long
        ("0110110", "0111110", (2, 2, 2)),  # one run of flags may detect two events
        ("0110000", "0000000", (1, 0, 0)),
        ("0000000", "1000001", (0, 2, 0)),
    ],
)
def test_events_are_counted_as_runs(labels, flags, expected):
    found = counts(labels, flags)
    assert (found.true, found.predicted, found.correct) == expected


def test_a_run_ends_with_its_series():
    assert counts("0011", "0100", series=2).true == 1
    found = counts(
        "0110", "0110", series=2
    )  # 01|10: an event at the end of one, one at the start of the next
    assert (found.true, found.predicted, found.correct) == (2, 2, 2)


def test_a_threshold_lets_the_given_rate_of_normal_steps_pass():
    draw = np.random.default_rng(0).normal(size=2002)
    labels = np.zeros(2002, bool)
    labels[100:110], draw[100:110] = True, 50.0
    given = windows(draw.tolist(), labels.tolist())
    detector = LaggedResidual(DetectorShape(2), false_alarm_rate=0.05)
    detector.fit(given, given)
    flags = flagged(detector, score_windows(detector, given))
    normal = given.normal
    assert flags[normal].mean() == pytest.approx(0.05, abs=1 / normal.sum())
    assert (
        score(Detections(detector, given, score_windows(detector, given)))["false_alarm_rate"]
        == flags[normal].mean()
    )


def test_scores_are_those_of_the_definitions():
    values = [1.0, 2.0, 4.0, 3.0, 9.0]
    lagged = LaggedResidual(DetectorShape(2), lag=2)
    lagged.fit(windows(values), windows(values))
    found = score_windows(lagged, windows(values))
    residuals = np.array([4 - 1, 3 - 2, 9 - 4])
    deviation = np.sqrt((residuals**2).mean())
    np.testing.assert_allclose(found.location, [1, 2, 4])
    np.testing.assert_allclose(found.score, residuals / deviation, rtol=1e-6)
    nll = 0.5 * np.log(2 * np.pi) + np.log(deviation) + 0.5 * (residuals / deviation) ** 2
    np.testing.assert_allclose(found.nll, nll, rtol=1e-6)
    rolling = score_windows(RollingZScore(DetectorShape(2)), windows(values))
    np.testing.assert_allclose(rolling.score, [2.5 / 0.5, 0 / 1, 5.5 / 0.5], atol=1e-6)


def test_a_rolling_z_score_chooses_its_width_on_the_validation_set():
    wave = np.sin(np.arange(200) / 20) + 0.01 * np.random.default_rng(0).normal(size=200)
    given = windows(wave.tolist(), context=32)
    rolling = RollingZScore(DetectorShape(32))
    rolling.fit(given, given)
    losses = {}
    for width in (4, 8, 16, 32):
        one = RollingZScore(DetectorShape(32), width=width)
        losses[width] = score_windows(one, given).nll.mean()
    assert rolling.width == min(losses, key=losses.get)
    assert RollingZScore.from_options(rolling.options()).width == rolling.width

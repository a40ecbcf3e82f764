"""Series made ready: nothing of the future leaks into the past, windows are views."""

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.data.series.period import find_common_period, find_period
from gatewise.data.series.scaled_table import SeriesScaling
from gatewise.data.series.scaling import LogScale, Scale, learn_log_scale, learn_scale
from gatewise.data.series.series import read_series
from gatewise.data.series.step import Step
from gatewise.data.series.windows import window_starts
from gatewise.data.tables.columns import Columns
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.data import prepare
from gatewise.tasks.forecast.latest import latest
from gatewise.tasks.forecast.plan import WindowPlan
from gatewise.tasks.forecast.selection import prepare_best


def numbered(steps, name="a", first=0):
    """A series whose values are their own places."""
    return pl.DataFrame(
        {"id": [name] * steps, "t": range(steps), "y": np.arange(first, first + steps, dtype=float)}
    )


def prepared(frame, plan, **columns):
    return prepare(read_series(frame, Columns(time="t", target="y", **columns)), plan)


@settings(max_examples=50, deadline=None)
@given(steps=st.integers(40, 120), context=st.integers(1, 10), horizon=st.integers(1, 8))
def test_parts_follow_each_other_and_do_not_share_a_truth(steps, context, horizon):
    data = prepared(numbered(steps), WindowPlan(horizon, context, period=1))
    mean, deviation = (values[0] for values in data.scales())
    truths = []
    for windows in (data.train, data.validation, data.test):
        batch = windows.all()
        past = (batch.past[:, :, 0].double() * deviation + mean).round().int()
        truth = (batch.truth.double() * deviation + mean).round().int()
        assert (truth[:, :1] == past[:, -1:] + 1).all()
        assert (truth.diff() == 1).all()
        assert (past.diff() == 1).all()
        truths.append(set(truth.flatten().tolist()))
    first, second = data.plan.borders(steps)
    assert truths[0] == set(range(context, first))
    assert truths[1] == set(range(first, second))
    assert truths[2] == set(range(second, steps))


def test_scales_are_learned_on_the_training_set_only():
    frame = numbered(100).with_columns(pl.when(pl.col("t") >= 70).then(1e6).otherwise(pl.col("y")).alias("y"))
    data = prepared(frame, WindowPlan(3, 5))
    assert data.learned.series["a"] == Scale(np.arange(70).mean(), np.arange(70).std())


def test_windows_are_views_of_one_table():
    data = prepared(numbered(1000), WindowPlan(10, 50))
    assert data.train.view.untyped_storage().nbytes() == 1000 * 4
    assert data.train.view.untyped_storage().data_ptr() == data.test.view.untyped_storage().data_ptr()


def test_no_window_spans_two_series():
    frame = pl.concat([numbered(60), numbered(50, "b", 1000)])
    data = prepared(frame, WindowPlan(4, 6, period=1))
    means, deviations = data.scales()
    for windows in (data.train, data.validation, data.test):
        batch = windows.all()
        for number, (low, high) in enumerate([(0, 60), (1000, 1050)]):
            own = batch.series == number
            values = batch.past[own][:, :, 0].double() * deviations[number] + means[number]
            assert low - 0.5 < values.min()
            assert values.max() < high
    assert set(data.test.series.tolist()) == {0, 1}


def test_known_covariates_are_seen_in_the_future_and_observed_ones_are_not():
    frame = numbered(60).with_columns(price=pl.col("t") * 2.0, rain=pl.col("t") * 3.0)
    data = prepared(frame, WindowPlan(4, 6), known=("price",), observed=("rain",))
    batch = data.train.all()
    assert batch.past.shape[-1] == 3
    assert batch.future.shape[-1] == 1
    price = data.learned.covariates[0]
    np.testing.assert_allclose(price.undo(batch.future[0, :, 0].numpy()), [12, 14, 16, 18], rtol=1e-5)


def test_a_model_keeps_its_scales_on_other_data():
    source = read_series(numbered(60), Columns(time="t", target="y"))
    learned = SeriesScaling({"a": Scale(100.0, 2.0)}, (), ())
    assert prepare(source, WindowPlan(4, 6), learned).learned.series["a"] == Scale(100.0, 2.0)


def test_the_present_of_a_series():
    source = read_series(numbered(60), Columns(time="t", target="y"))
    learned = SeriesScaling({"a": Scale(0.0, 1.0)}, (), ())
    now = latest(source, WindowPlan(4, 6), learned)
    assert now.batch.past[0, :, 0].tolist() == [54, 55, 56, 57, 58, 59]
    assert now.times[0].to_list() == [60, 61, 62, 63]


def test_the_present_needs_what_is_known_in_advance():
    frame = numbered(60).with_columns(price=pl.col("t") * 2.0)
    cut = frame.with_columns(pl.when(pl.col("t") < 57).then(pl.col("y")).alias("y"))
    columns = Columns(time="t", target="y", known=("price",))
    learned = SeriesScaling({"a": Scale(0.0, 1.0)}, (Scale(0.0, 1.0),), ())
    now = latest(read_series(cut, columns), WindowPlan(3, 6), learned)
    assert now.batch.future[0, :, 0].tolist() == [114, 116, 118]
    with pytest.raises(GatewiseError, match=r"has 3 rows beyond .* a horizon of 4 needs price"):
        latest(read_series(cut, columns), WindowPlan(4, 6), learned)


def test_the_calendar_continues_into_the_future():
    frame = pl.DataFrame({"day": pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 2, 29), eager=True)})
    source = read_series(frame.with_columns(y=pl.lit(1.0)))
    learned = SeriesScaling({"y": Scale(0.0, 1.0)}, (), ("week",))
    now = latest(source, WindowPlan(7, 14), learned)
    torch.testing.assert_close(now.batch.future[0], now.batch.past[0, :7, 1:])


def test_a_series_that_is_too_short_is_refused_with_its_length():
    with pytest.raises(
        GatewiseError, match=r"'a' has 13 steps, 5 of them in the training set; a horizon of 4 needs 6: give"
    ):
        prepared(numbered(13), WindowPlan(4, 24))


def test_series_that_are_too_short_are_left_out_with_a_note():
    short = [numbered(steps, name) for name, steps in (("b", 5), ("c", 13), ("d", 9), ("e", 1))]
    data = prepared(pl.concat([numbered(60), *short]), WindowPlan(4, 24))
    alone = prepared(numbered(60), WindowPlan(4, 24))
    assert [series.id for series in data.source.series] == ["a"]
    assert torch.equal(data.train.all().past, alone.train.all().past)
    note = "4 of 5 series are left out, too short for a horizon of 4: 'b', 'c', 'd' and 1 more"
    assert data.source.warnings == (note,)
    assert note in data.notes
    with pytest.raises(
        GatewiseError, match="'c' has 13 steps, 5 of them in the training set; a horizon of 4"
    ):
        prepared(pl.concat(short), WindowPlan(4, 24))


def test_a_series_shorter_than_a_window_is_padded_with_its_first_step():
    frame = pl.concat([numbered(300), numbered(30, "b", 1000)]).with_columns(price=pl.col("y") * 2)
    data = prepared(frame, WindowPlan(4, 24, period=1), observed=("price",))
    first, second = data.plan.borders(30)
    assert (first, second) == (22, 26)
    for windows, places in ((data.train, range(4, 19)), (data.validation, range(22, 23)),
                            (data.test, range(26, 27))):  # fmt: skip
        batch = windows.all()
        own = batch.series == 1
        past = data.undo(batch.past[own][:, :, 0], batch.series[own])
        truth = data.undo(batch.truth[own], batch.series[own])
        expected = [[1000.0 + max(place - 24 + step, 0) for step in range(24)] for place in places]
        torch.testing.assert_close(past, torch.tensor(expected).double(), atol=1e-3, rtol=0)
        ahead = [[1000.0 + place + step for step in range(4)] for place in places]
        torch.testing.assert_close(truth, torch.tensor(ahead).double(), atol=1e-3, rtol=0)
        price = batch.past[own][:, :, 1].double() * data.learned.covariates[0].deviation
        price = price + data.learned.covariates[0].mean
        torch.testing.assert_close(price, 2 * past, atol=1e-2, rtol=0)


def test_the_present_of_a_short_series_is_padded():
    source = read_series(numbered(4), Columns(time="t", target="y"))
    now = latest(source, WindowPlan(4, 6), SeriesScaling({"a": Scale(0.0, 1.0)}, (), ()))
    assert now.batch.past[0, :, 0].tolist() == [0, 0, 0, 1, 2, 3]
    assert now.times[0].to_list() == [4, 5, 6, 7]


def test_of_many_series_fewer_steps_are_held_out():
    many = pl.concat([numbered(1000, f"s{number}") for number in range(50)])
    plan = WindowPlan(4, 6, period=1, max_held_out=0)
    data = prepared(many, plan)
    assert data.plan.max_held_out == 85  # 82 windows of each series
    assert data.plan.borders(1000) == (830, 915)
    assert data.plan.borders(100) == (70, 85)
    assert len(data.test) == data.validation_total == 82 * 50
    assert prepared(numbered(1000), plan).plan.borders(1000) == (700, 850)
    assert prepared(many, WindowPlan(4, 6, period=1)).plan.borders(1000) == (700, 850)


def logarithmic(data):
    return {name for name, scale in data.learned.series.items() if isinstance(scale, LogScale)}


def growing(steps=240):
    """Values that double with a season, some of them near zero."""
    time, random = np.arange(steps), np.random.default_rng(0)
    return np.exp(time / 30 + 0.5 * np.sin(2 * np.pi * time / 12) + 0.1 * random.normal(size=steps))


def test_logarithms_are_taken_of_positive_series_and_undone():
    values = {"a": growing(), "b": growing() - 1.5}
    frame = pl.concat([numbered(240, name).with_columns(y=pl.Series(own)) for name, own in values.items()])
    assert logarithmic(prepared(frame, WindowPlan(4, 24, 12))) == set()
    data = prepared(frame, WindowPlan(4, 24, 12, log=True))
    assert logarithmic(data) == {"a"}
    assert "a period of 12; logarithms of 1 series" in data.notes[-2]
    batch = data.test.all()
    truth = data.undo(batch.truth, batch.series)
    for number, own in enumerate(values.values()):
        expected = np.lib.stride_tricks.sliding_window_view(own[204:], 4)
        np.testing.assert_allclose(truth[batch.series == number], expected, rtol=1e-4)
    for name, own in values.items():
        scale = data.learned.series[name]
        np.testing.assert_allclose(scale.undo(scale.apply(own)), own, rtol=1e-12)
    later = read_series(
        numbered(240).with_columns(y=pl.Series(growing()) - 1.5), Columns(time="t", target="y")
    )
    with pytest.raises(GatewiseError, match=r"'a' has the value -.* at .*, which has no logarithm; train"):
        latest(later, data.plan, data.learned)


def test_logarithms_are_selected_by_the_error_on_the_validation_set():
    plan, columns = WindowPlan(4, 24, 12), Columns(time="t", target="y")
    grows = read_series(numbered(240).with_columns(y=pl.Series(growing())), columns)
    even = read_series(numbered(240).with_columns(y=pl.Series(50 + np.log(growing()))), columns)
    negative = read_series(numbered(240).with_columns(y=-pl.Series(growing())), columns)
    for source, expected in ((grows, {"a"}), (even, set()), (negative, set())):
        assert logarithmic(prepare_best(source, plan, (False, True), ("window",))) == expected
        assert prepare_best(source, plan, (False,), ("series",)).plan == WindowPlan(4, 24, 12)


def test_units_of_windows_are_selected_by_the_error_on_the_validation_set():
    random = np.random.default_rng(0)
    returning, current = np.zeros(600), 0.0
    for step in range(600):  # to zero, from wherever a window lies
        current = 0.9 * current + random.normal()
        returning[step] = current
    levels = np.repeat(random.normal(size=20) * 100, 30)  # seasons of many sizes on many levels
    sizes = np.repeat(np.exp(2 * random.normal(size=20)), 30)
    moving = levels + sizes * np.sin(2 * np.pi * np.arange(600) / 6)
    found = []
    for values, plan in ((returning, WindowPlan(8, 3, 1)), (moving, WindowPlan(4, 12, 6))):
        source = read_series(numbered(600).with_columns(y=pl.Series(values)), Columns(time="t", target="y"))
        data = prepare_best(source, plan, (False,), ("window", "series"))
        found.append(data.plan.normalization)
        assert ("own mean" in data.notes[-2]) == (found[-1] == "window")
    assert found == ["series", "window"]


@pytest.mark.parametrize("unit", [2.0**-900, 2.0**40])
def test_scaled_logarithms_do_not_depend_on_the_unit_of_the_data(unit):
    values = np.array([1.0, 2.0, 4.0, 5.0])
    scale, other = learn_log_scale(values), learn_log_scale(unit * values)
    assert (scale.apply(values) == other.apply(unit * values)).all()
    assert (other.undo(other.apply(unit * values)) == unit * scale.undo(scale.apply(values))).all()


def test_window_starts():
    assert window_starts(0, 10, context=3, horizon=2).tolist() == [0, 1, 2, 3, 4, 5]
    assert window_starts(8, 10, context=3, horizon=2).tolist() == [5]
    assert window_starts(9, 10, context=3, horizon=2).tolist() == []


def test_periods():
    steps, month = np.arange(240), Step(1, "months")
    noise = np.random.default_rng(0).normal(size=240)
    assert find_period(np.sin(steps * 2 * np.pi / 12) + 0.1 * noise + 0.05 * steps, month) == 12
    assert abs(find_period(np.sin(steps * 2 * np.pi / 50) + 0.1 * noise, month) - 50) <= 1
    assert find_period(noise.cumsum() * 0 + noise, month) == 1
    assert find_period(np.ones(240), month) == 1
    assert find_period(0.1 + 0.3 * steps, month) == 1  # what a straight trend leaves is rounding
    for factor in (1e-200, 1e-12, 1e12, 1e200):
        assert find_period(factor * np.sin(steps * 2 * np.pi / 12), month) == 12


@pytest.mark.parametrize("unit", [2.0**-900, 2.0**-40, 1.0, 2.0**40, 2.0**900])
def test_scales_are_in_the_unit_of_the_data(unit):
    values = np.array([1.0, 2.0, 4.0, 5.0])
    assert learn_scale(unit * values) == Scale(3 * unit, learn_scale(values).deviation * unit)
    assert learn_scale(unit * np.full(7, 0.125)) == Scale(unit * 0.125, unit * 0.125)
    assert learn_scale(np.zeros(3)) == Scale(0.0, 1.0)


def test_the_validation_set_is_a_sample_that_is_always_the_same(monkeypatch):
    plan = WindowPlan(4, 6, period=1)
    whole = prepared(numbered(400), plan)
    assert len(whole.validation) == whole.validation_total == 57
    assert "validation set 57, test set 57 windows" in whole.notes[-1]
    monkeypatch.setattr("gatewise.tasks.forecast.data.MAX_VALIDATION_WINDOWS", 20)
    first, again = (prepared(numbered(400), plan) for _ in range(2))
    assert torch.equal(first.validation.starts, again.validation.starts)
    assert len(first.validation) == len(set(first.validation.starts.tolist())) == 20
    assert set(first.validation.starts.tolist()) < set(whole.validation.starts.tolist())
    assert (first.validation.starts.diff() > 0).all()
    assert (len(first.train), len(first.test)) == (len(whole.train), len(whole.test))
    assert "validation set 20 (a sample of 57), test set 57 windows" in first.notes[-1]


def test_blocks_are_all_windows_in_order(monkeypatch):
    monkeypatch.setattr("gatewise.data.series.windows.BLOCK", 16)
    train = prepared(numbered(100), WindowPlan(4, 6, period=1)).train
    blocks = list(train.blocks())
    assert [len(batch.past) for batch in blocks] == [16, 16, 16, 13]
    for parts, whole in zip(zip(*blocks, strict=True), train.all(), strict=True):
        assert torch.equal(torch.cat(parts), whole)


def test_a_season_that_noise_hides_in_each_series_is_found_in_all():
    random, steps, quarter = np.random.default_rng(0), np.arange(60), Step(3, "months")
    series = [np.sin(2 * np.pi * steps / 4) + 1.5 * random.normal(size=60) for _ in range(30)]
    assert sum(find_period(one, quarter) == 4 for one in series) < 25
    assert find_common_period(series, quarter) == find_common_period(series[:20], Step(1, "numbers")) == 4
    noise = [random.normal(size=60).cumsum() for _ in range(30)]
    assert find_common_period(noise, quarter) == 1
    assert find_common_period([np.ones(60), np.zeros(60)], quarter) == 1
    assert find_common_period([*series, np.ones(5)], quarter) == 1  # too short for such a lag

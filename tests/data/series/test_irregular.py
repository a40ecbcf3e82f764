"""Series at irregular times: their typical step, and what networks read of their times."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

import gatewise
from gatewise.data.series.scaled_table import learn_scales, scaled_table
from gatewise.data.series.scenario import with_scenario
from gatewise.data.series.series import read_series
from gatewise.data.series.step import Step, typical_step
from gatewise.data.tables.columns import Columns
from gatewise.errors import GatewiseError

DAYS = (1, 2, 4, 5, 9, 10, 12, 20)


def table(days=DAYS, missing=()):
    values = [None if day in missing else float(day * day) for day in days]
    return pl.DataFrame({"day": [f"2024-01-{day:02d}" for day in days], "value": values})


def irregular(days=DAYS, missing=(), **options):
    return read_series(table(days, missing), irregular=True, **options)


def test_times_stay_as_they_are():
    source = irregular(DAYS[::-1])
    assert source.series[0].times.dt.day().to_list() == list(DAYS)
    assert source.series[0].target.tolist() == [day * day for day in DAYS]
    assert source.step == Step(2 * 86_400_000_000, "microseconds", is_irregular=True)
    assert Step.named(str(source.step)) == source.step
    assert "so that --irregular adds nothing" in irregular((1, 3, 5)).notes[-1]


@pytest.mark.parametrize(
    ("gaps", "words"),
    [
        ([timedelta(seconds=3723)] * 3, "about 62 minutes"),
        ([timedelta(hours=1), timedelta(hours=2), timedelta(hours=1)], "about 1 hour"),
        ([timedelta(milliseconds=5214)] * 3, "about 5214000 microseconds"),
        ([timedelta(days=31), timedelta(days=29), timedelta(days=31)], "about 1 month"),
    ],
)
def test_the_typical_step_is_a_rounded_median(gaps, words):
    times = pl.Series(
        [datetime(2024, 1, 1) + sum(gaps[:count], timedelta()) for count in range(len(gaps) + 1)]
    )
    assert typical_step(times, [np.arange(len(times))]).words == words


def test_networks_read_the_time_since_the_step_before_and_since_the_last_value():
    source = irregular(missing=(4, 9, 10), fill="mask")
    scaling = learn_scales(source, [8])
    assert scaling.known_inputs(source.columns)[0] == "time since the step before"
    assert scaling.observed_inputs(source.columns) == ["observed", "time since the last value"]
    values = scaled_table(source.series[0], scaling)
    elapsed, since, last = [0.0], [], DAYS[0]
    for place, day in enumerate(DAYS):
        elapsed += [(day - DAYS[place - 1]) / 2] if place else []
        last = last if day in (4, 9, 10) else day
        since.append((day - last) / 2)
    np.testing.assert_allclose(values[:, 1], np.log1p(elapsed))
    np.testing.assert_allclose(values[:, -1], np.log1p(since))
    assert values[:, -2].tolist() == [1, 1, 0, 1, 0, 0, 1, 1]
    regular = read_series(table((1, 2, 3)))
    assert "time since the step before" not in learn_scales(regular, [3]).known_inputs(regular.columns)


def test_values_are_interpolated_in_time():
    source = irregular((1, 2, 4, 8), missing=(2, 4), fill="linear")
    np.testing.assert_allclose(source.series[0].target, np.interp([1, 2, 4, 8], [1, 8], [1, 64]))
    with pytest.raises(GatewiseError, match=r"--fill seasonal repeats .* irregular times have no step"):
        irregular(missing=(4,), fill="seasonal")


def test_rows_after_the_last_value_are_times_to_forecast(tmp_path):
    source = irregular(missing=(12, 20))
    series = source.series[0]
    assert (len(series), len(series.times)) == (6, 8)
    assert "times after the last values, to forecast: 2" in source.notes
    path = tmp_path / "times.csv"
    path.write_text("day\n2024-01-09\n2024-03-01\n2024-01-11\n2024-02-01\n")
    found = with_scenario(source, path, 2)
    assert found.series[0].times.dt.strftime("%m-%d").to_list()[-3:] == ["01-10", "01-11", "02-01"]
    assert found.warnings == (f"{path}: rows of other times or series, which are not used: 2",)
    with pytest.raises(GatewiseError, match=r"has 3 times after 2024-01-10, the last of series 'value'; a "):
        with_scenario(source, path, 4)


def test_a_refusal_of_irregular_times_names_the_option():
    with pytest.raises(GatewiseError, match=r"does not fit a step of 10 units .* give --irregular for irr"):
        read_series(pl.DataFrame({"t": [0, 10, 20, 25, 30, 40], "y": range(6)}))
    with pytest.raises(GatewiseError, match=r"fill gaps with --fill linear or --fill forward, or give --irr"):
        read_series(table())
    with pytest.raises(GatewiseError, match=r"a period of 7 steps needs regular times; leave out period"):
        gatewise.Forecaster(horizon=1, irregular=True, period=7).fit(table())


def test_times_may_have_decimals(tmp_path):
    table = pl.DataFrame({"second": ["0.25", "1", "1.5", "4.125"], "y": [1, 2, 3, None]})
    given = Columns(time="second", target="y")
    source = read_series(table, given, irregular=True)
    assert source.series[0].times.to_list() == [0.25, 1, 1.5, 4.125]
    assert source.step == Step.named(str(source.step)) == Step(0.75, "numbers", is_irregular=True)
    assert source.step.words == "about 0.75 units"
    assert source.step.extended(pl.Series([1, 2]), 3).to_list() == [1, 2, 2.75]
    path = tmp_path / "times.csv"
    path.write_text("second\n7\n2\n")  # whole numbers alone
    assert with_scenario(source, path, 2).series[0].times.to_list() == [0.25, 1, 1.5, 2, 7]
    with pytest.raises(
        GatewiseError, match=r"got '0\.25'; --time none .*, and --irregular reads numbers with"
    ):
        read_series(table, given)


def test_nanoseconds_that_are_not_one_step_apart_are_dates():
    ticks = pl.Series([0, 1_000_000_001, 3_000_000_002, 4_500_000_000]).cast(pl.Datetime("ns"))
    source = read_series(pl.DataFrame({"t": ticks, "y": [1, 2, 3, 4]}), irregular=True)
    assert source.step == Step(1_500_000, "microseconds", is_irregular=True)
    assert source.series[0].times.to_physical().to_list() == [0, 1_000_000, 3_000_000, 4_500_000]
    close = pl.Series([0, 100, 300, 900]).cast(pl.Datetime("ns"))
    assert read_series(pl.DataFrame({"t": close, "y": [1, 2, 3, 4]}), irregular=True).step.unit == "numbers"


def test_a_look():
    found = gatewise.look(table(), irregular=True)
    assert found.problem is None
    assert found.sentences() == [
        "1 series of 8 rows, with a step of about 2 days",
        "no time is duplicate, no row is without a value",
    ]
    assert found.plot().get_suptitle() == "value, a step of about 2 days"


def test_a_known_covariate_is_read_with_the_times_of_a_scenario(tmp_path):
    rows = table().with_columns(price=pl.int_range(8) * 1.0)
    source = read_series(rows, Columns(known=("price",), target="value"), irregular=True)
    path = tmp_path / "future.csv"
    path.write_text("day,price\n2024-02-09,7\n2024-02-01,5\n")
    series = with_scenario(source, path, 2).series[0]
    assert series.known[-3:, 0].tolist() == [7, 5, 7]
    assert series.times[-2:].dt.day().to_list() == [1, 9]

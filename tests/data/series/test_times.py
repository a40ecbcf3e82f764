"""Times: their forms, and the step between them."""

import re
from datetime import datetime

import polars as pl
import pytest

from gatewise.data.series.times import Step, find_step, read_times, time_format
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError


def times_of(*texts, time_format=None):
    return read_times(Table("file.csv", pl.DataFrame({"t": list(texts)}), 2), "t", time_format)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-03-04", datetime(2020, 3, 4)),
        ("2020-03-04 05:06", datetime(2020, 3, 4, 5, 6)),
        ("2020-03-04T05:06:07Z", datetime(2020, 3, 4, 5, 6, 7)),
        ("2020-03-04 05:06:07.5", datetime(2020, 3, 4, 5, 6, 7, 500_000)),
        ("2020-03", datetime(2020, 3, 1)),
        ("2020/03/04", datetime(2020, 3, 4)),
        ("12/25/2020", datetime(2020, 12, 25)),
        ("25/12/2020", datetime(2020, 12, 25)),
        ("25.12.2020", datetime(2020, 12, 25)),
        ("20200304", datetime(2020, 3, 4)),
    ],
)
def test_forms_of_a_time(text, expected):
    assert times_of(text).to_list() == [expected]


def test_whole_numbers():
    assert times_of("1950", "1951").to_list() == [1950, 1951]


def test_a_form_is_settled_by_any_row():
    assert times_of("02/01/2020", "02/13/2020")[0] == datetime(2020, 2, 1)


def test_two_forms_that_fit_are_asked_about():
    with pytest.raises(GatewiseError, match=re.escape("may be %m/%d/%Y or %d/%m/%Y; say which")):
        times_of("02/01/2020", "03/01/2020")
    assert times_of("02/01/2020", "03/01/2020", time_format="%d/%m/%Y")[0] == datetime(2020, 1, 2)


def test_a_cell_that_is_no_time():
    with pytest.raises(
        GatewiseError, match=r"file.csv, line 3, column 't': expected a time like %Y-%m-%d, got 'x'"
    ):
        times_of("2020-01-01", "x", "2020-01-03")


def test_a_time_that_is_missing():
    with pytest.raises(GatewiseError, match="line 3, column 't': the time is missing"):
        times_of("2020-01-01", "", "2020-01-03")


@pytest.mark.parametrize(
    ("texts", "told", "period"),
    [
        (["2020-01-01", "2020-01-02", "2020-01-03"], "day", 7),
        (["2020-01-03", "2020-01-10", "2020-01-17"], "week", 52),
        (["2020-01", "2020-02", "2020-03"], "month", 12),
        (["2020-01-31", "2020-02-29", "2020-03-31"], "month", 12),
        (["2020-01", "2020-04", "2020-07"], "quarter", 4),
        (["2020-01-01", "2021-01-01", "2022-01-01"], "year", None),
        (["2020-01-01 00:00", "2020-01-01 00:15", "2020-01-01 00:30"], "15 minutes", 96),
        (["2020-01-01 00:00", "2020-01-01 01:00", "2020-01-01 02:00"], "hour", 24),
        (["3", "5", "7"], "2 units", None),
    ],
)
def test_steps(texts, told, period):
    times = times_of(*texts)
    step = find_step(times)
    assert (str(step), step.usual_period) == (told, period)
    assert step.places(times).tolist() == [0, 1, 2]
    assert step.grid(times, 3).to_list() == times.to_list()


def test_the_grid_goes_on_at_month_ends():
    times = times_of("2020-11-30", "2020-12-31", "2021-01-31")
    assert find_step(times).grid(times, 5)[-2:].to_list() == [datetime(2021, 2, 28), datetime(2021, 3, 31)]


def test_a_step_tells_itself():
    assert str(Step(14 * 86_400_000_000, "microseconds")) == "2 weeks"


def test_two_digits_are_no_year():
    with pytest.raises(GatewiseError, match="expected a time"):
        times_of("01/13/20", "01/14/20")


@pytest.mark.parametrize("text", ["2020-03-04T05:06:07+02:00", "2020-03-04 05:06:07+02:00"])
def test_an_offset_is_taken_off(text):
    assert times_of(text, text.replace("05:", "06:"))[0] == datetime(2020, 3, 4, 3, 6, 7)


def test_times_of_a_zone():
    hours = pl.datetime_range(
        datetime(2020, 3, 28, 23), datetime(2020, 3, 29, 4), "1h", time_zone="Europe/Berlin", eager=True
    )
    found = read_times(Table("file", pl.DataFrame({"t": hours}), 1), "t")
    assert found.diff().drop_nulls().n_unique() == 1
    days = pl.datetime_range(
        datetime(2020, 3, 27), datetime(2020, 3, 31), "1d", time_zone="Europe/Berlin", eager=True
    )
    found = read_times(Table("file", pl.DataFrame({"t": days}), 1), "t")
    assert found.to_list()[-1] == datetime(2020, 3, 31)


@pytest.mark.parametrize(
    ("whole", "expected"), [(20240131, datetime(2024, 1, 31)), (202402, datetime(2024, 2, 1))]
)
def test_whole_numbers_that_are_dates(whole, expected):
    assert read_times(Table("file", pl.DataFrame({"t": [whole]}), 1), "t").to_list() == [expected]


def test_how_times_are_written():
    assert time_format(times_of("2024-01", "2024-02")) == "%Y-%m"
    assert time_format(times_of("2024-01-01", "2024-01-02")) == "%Y-%m-%d"
    assert time_format(times_of("2024-01-01 05:00")) == "%Y-%m-%d %H:%M:%S"
    assert time_format(times_of("1", "2")) is None

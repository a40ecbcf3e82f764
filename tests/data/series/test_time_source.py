"""Times that are in several columns of a table, or in none."""

import polars as pl
import pytest

from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns, FoundColumns
from gatewise.errors import GatewiseError

PARTS = ("year", "month", "day", "hour")
ALL = ",".join(PARTS)


def hours(**columns):
    """Six hours with the time in four columns, without leading zeros."""
    rows = [(2024, 1, 31, 22), (2024, 1, 31, 23), *((2024, 2, 1, hour) for hour in range(4))]
    parts = dict(zip(PARTS, zip(*rows, strict=True), strict=True))
    return pl.DataFrame({**parts, "sold": range(6), **columns})


def test_a_time_in_several_columns():
    found = read_series(hours(), Columns(time=ALL))
    assert found.columns == FoundColumns("time", "sold", time_source=PARTS)
    assert found.series[0].times[0].isoformat() == "2024-01-31T22:00:00"
    assert str(found.step) == "hour"
    assert "time is read from the columns 'year', 'month', 'day', 'hour'" in found.notes
    again = read_series(hours(), found.columns)  # as a model reads new data
    assert again.series[0].times.equals(found.series[0].times)
    assert read_series(hours()).columns == found.columns  # a calendar is found, if no column has dates
    known = read_series(hours(), Columns(time="year, month, day, hour", target="sold", known=("hour",)))
    assert known.series[0].known[:, 0].tolist() == [22, 23, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("parts", "step"),
    [
        ({"year": [2020, 2020, 2020], "month": [11, 12, 10]}, "month"),
        ({"year": [2024] * 3, "month": [2, 2, 3], "day": [28, 29, 1]}, "day"),
        (
            {"year": [2024] * 3, "month": [1] * 3, "day": [1] * 3, "hour": [7] * 3, "minute": [0, 5, 10]},
            "5 minutes",
        ),
    ],
)
def test_as_many_parts_as_there_are(parts, step):
    found = read_series(pl.DataFrame({**parts, "sold": [1, 2, 4]}), Columns(time=",".join(parts)))
    assert str(found.step) == step


def test_a_day_and_a_clock_in_two_columns():
    rows = {"date": ["2024-01-31"] * 3, "clock": ["10:00", "10:30", "11:00"], "sold": [1, 2, 4]}
    frame = pl.DataFrame(rows).with_columns(time=pl.lit(9))
    found = read_series(frame, Columns(time="date,clock", target="sold"))
    assert found.columns.time == "time_"  # `time` is another column
    assert str(found.step) == "30 minutes"


def test_columns_of_other_names_have_a_format():
    frame = pl.DataFrame({"yr": [2024] * 3, "mo": [11, 12, 10], "sold": [1, 2, 4]})
    found = read_series(frame, Columns(time="yr,mo"), time_format="%Y %m")
    assert [str(one)[:7] for one in found.series[0].times] == ["2024-10", "2024-11", "2024-12"]


def test_days_and_clocks_in_two_columns():
    days, clocks = ["16/12/2006"] * 3 + ["17/12/2006"], ["22:00:00", "22:40:00", "23:20:00", "00:00:00"]
    table = pl.DataFrame({"Date": days, "Time": clocks, "power": [1.5, 2, 3, 4]})
    found = read_series(table)
    assert found.columns == FoundColumns("time", "power", time_source=("Date", "Time"))
    assert str(found.step) == "40 minutes"
    other_days = table.with_columns(Date=pl.Series(["16/12/2006", "17/12/2006", "18/12/2006", "19/12/2006"]))
    assert read_series(other_days).columns.time == "Date"  # one row a day, each with a clock
    renamed = read_series(other_days.rename({"Time": "sunrise"}))
    assert renamed.columns.time_source is None


@pytest.mark.parametrize("hours", [["22", "23", "0"], ["22.00.00", "23.00.00", "0.00.00"], [22, 23, 0]])
@pytest.mark.parametrize(
    "days", [["31.1.2024", "1.2.2024"], ["20240131", "20240201"], ["31-Jan-2024", "01-Feb-2024"]]
)
def test_days_and_hours_in_two_columns(days, hours):
    table = pl.DataFrame({"day": [days[0], *days], "hr": hours, "sold": [1, 2, 3]}, strict=False)
    for columns in (Columns(), Columns(time="day,hr", target="sold")):
        found = read_series(table, columns)
        assert [str(time) for time in found.series[0].times] == [
            "2024-01-31 22:00:00",
            "2024-01-31 23:00:00",
            "2024-02-01 00:00:00",
        ]


def test_numbers_of_weeks_are_no_hours():
    days = ["2024-01-01", "2024-01-01", "2024-01-02", "2024-01-02", "2024-01-03", "2024-01-03"]
    table = pl.DataFrame(
        {"date": days, "week": [1] * 6, "t": [1.25] * 6, "id": ["a", "b"] * 3, "y": range(6)}
    )
    assert read_series(table).columns.time == "date"


def test_years_with_quarters_or_weeks():
    table = pl.DataFrame({"Year": [2020, 2020, 2021], "Quarter": [3, 4, 1], "sold": [1, 2, 4]})
    found = read_series(table)
    assert (found.columns.time_source, str(found.step)) == (("Year", "Quarter"), "quarter")
    assert str(found.series[0].times[0])[:10] == "2020-07-01"
    weeks = table.rename({"Quarter": "WEEK"})
    with pytest.raises(GatewiseError, match="or weeks as in ISO 8601 with --time Year,WEEK"):
        read_series(weeks)
    weeks = weeks.with_columns(Year=2020)
    assert str(read_series(weeks[[2, 0, 1]], Columns(time="Year,WEEK"), fill="linear").step) == "week"


def test_rows_without_times_are_counted_in_each_series():
    rows = {"shop": ["a", "b", "a", "b", "a", "b", "a"], "sold": [1, 2, 3, 4, 5, 6, 7]}
    found = read_series(pl.DataFrame(rows), Columns(time="none", target="sold", id="shop"))
    assert found.columns.time == "step"
    assert [one.times.to_list() for one in found.series] == [[0, 1, 2, 3], [0, 1, 2]]
    assert [one.target.tolist() for one in found.series] == [[1, 3, 5, 7], [2, 4, 6]]
    assert "times are counted: 0, 1, 2 and so on in each series" in found.notes


def test_a_column_called_none_is_a_column():
    found = read_series(pl.DataFrame({"none": [5, 6, 7], "sold": [1, 2, 4]}), Columns(time="none"))
    assert found.series[0].times.to_list() == [5, 6, 7]


@pytest.mark.parametrize(
    ("frame", "columns", "message"),
    [
        (pl.DataFrame({"sold": [1, 2, 4]}), {}, "--time COLUMN, or --time none for rows one step apart"),
        (
            hours(month=["Jan"] * 6),
            {"target": "sold"},
            f"name it with --time COLUMN, or all with --time {ALL}; its first rows are 2024, Jan, 31, 22, 0 ",
        ),
        (hours(), {"time": "year,month,dia"}, "has no column 'dia' for the time; it has year, month"),
        (hours(hour=[22, 23, 0, 1, 2, 32]), {"time": ALL}, "row 6, column 'time': expected a time like"),
        (
            pl.DataFrame({"year": [2024] * 3, "season": [1, 2, 3], "sold": [1, 2, 4]}),
            {"time": "year,season"},
            "row 1, column 'time': expected a time like %Y-%m-%d, or whole numbers, got '2024 1'",
        ),  # not the months January to March
        (hours(day=[31, None, 1, 1, 1, 1]), {"time": ALL}, "row 2, column 'time': the time is missing"),
    ],
)
def test_mistakes(frame, columns, message):
    with pytest.raises(GatewiseError, match=message):
        read_series(frame, Columns(**columns))

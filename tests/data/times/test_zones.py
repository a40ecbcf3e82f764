"""Named zones, local days in UTC, durations, nanoseconds, serial numbers of Excel, and months of a study.

Each is written again as it was read.
"""

from datetime import datetime

import polars as pl
import pytest

import gatewise
from gatewise.data.series.series import read_series
from gatewise.data.series.step import find_step
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.table import Table
from gatewise.data.times.column import looks_like_times, read_times
from gatewise.errors import GatewiseError


def read(values, time_format=None, time_zone=None):
    table = Table("file.csv", pl.DataFrame({"t": values}), 2)
    return read_times(table, "t", time_format, time_zone)


def written(times, steps=2):
    """The values of the steps after the end, as they are written to a CSV."""
    values, clock = times
    after = find_step(values).grid(values, len(values) + steps)[len(values) :]
    shown = clock.restored(after)
    form = clock.written(shown)
    return shown.to_list() if form is None else shown.dt.to_string(form).to_list()


@pytest.mark.parametrize(
    ("zone", "offset"),
    [(" GMT", None), ("GMT", None), (" CET", "CET +01:00"), (" CEST", "CEST +02:00"), (" UTC", None)],
)
def test_zones_with_a_name(zone, offset):
    times = read([f"2024-01-01 1{hour}:00{zone}" for hour in range(3)])
    assert times.values[0] == datetime(2024, 1, 1, 10)
    assert written(times) == [f"2024-01-01 13:00{zone}", f"2024-01-01 14:00{zone}"]
    assert times.clock.note == (offset and f"the zones of column 't' are read as offsets: {offset}")


@pytest.mark.parametrize("pair", [("GMT", "BST"), ("EST", "EDT"), ("CET", "CEST")])
def test_a_change_of_named_zones(pair):
    hours = [f"2024-03-31 0{hour}:00 {pair[hour > 1]}" for hour in (0, 1, 3, 4)]
    times = read(hours)
    assert times.values.diff()[1:].n_unique() == 1
    assert written(times) == [f"2024-03-31 05:00 {pair[1]}", f"2024-03-31 06:00 {pair[1]}"]


@pytest.mark.parametrize("zone", ["BST", "EST", "CDT", "IST", "XYZ"])
def test_names_of_several_zones_are_refused(zone):
    with pytest.raises(
        GatewiseError, match=f"column 't': the time zone '{zone}' is not clear; write offsets such as"
    ):
        read([f"2024-01-01 10:00 {zone}", f"2024-01-01 11:00 {zone}"])


LOCAL_DAYS = ["2024-03-29T23:00Z", "2024-03-30T23:00Z", "2024-03-31T22:00Z", "2024-04-01T22:00Z"]
LOCAL_MONTHS = ["2023-12-31T23:00Z", "2024-01-31T23:00Z", "2024-02-29T23:00Z", "2024-03-31T22:00Z"]


def test_local_days_in_utc():
    times = read(LOCAL_DAYS, time_zone="Europe/Berlin")
    assert str(find_step(times.values)) == "day"
    assert times.values[0] == datetime(2024, 3, 30)
    assert written(times) == ["2024-04-02T22:00Z", "2024-04-03T22:00Z"]
    assert times.clock.note == "the times of column 't' are converted to Europe/Berlin"
    months = read(LOCAL_MONTHS, time_zone="Europe/Berlin")
    assert str(find_step(months.values)) == "month"
    assert written(months, 7)[-2:] == ["2024-09-30T22:00Z", "2024-10-31T23:00Z"]
    naive = read([time[:-1] for time in LOCAL_DAYS], time_zone="Europe/Berlin")
    assert naive.clock.note == "the times of column 't', taken as UTC, are converted to Europe/Berlin"
    assert written(naive)[0] == "2024-04-02T22:00"
    typed = pl.Series(LOCAL_DAYS).str.to_datetime("%Y-%m-%dT%H:%MZ").dt.replace_time_zone("UTC")
    assert written(read(typed, time_zone="Europe/Berlin"))[0] == "2024-04-02 22:00:00+00:00"
    seconds = read(typed.dt.epoch("s"), time_zone="Europe/Berlin")
    assert written(seconds) == [1712095200, 1712181600]
    other = ["2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-03-31T22:00+00:00"]
    assert read(other, time_zone="Europe/Berlin").values.to_list() == [
        datetime(2024, 3, 30 + n) for n in (0, 1)
    ] + [datetime(2024, 4, 1)]


@pytest.mark.parametrize(
    ("values", "zone", "message"),
    [
        (LOCAL_DAYS, "Europe/Paradise", "there is no time zone 'Europe/Paradise'; give one such as"),
        ([1, 2, 3], "Europe/Berlin", "converts times in UTC or with an offset, and these have no time zone"),
        (
            [f"2024-03-31T0{hour}:00Z" for hour in range(5)],
            "Europe/Berlin",
            "are less regular in Europe/Berlin",
        ),
    ],
)
def test_zones_that_are_refused(values, zone, message):
    with pytest.raises(GatewiseError, match=message):
        read(values, time_zone=zone)


@pytest.mark.parametrize("days", [LOCAL_DAYS, LOCAL_MONTHS])
def test_a_refused_day_in_utc_names_the_option(days):
    table = pl.DataFrame({"t": days, "y": range(len(days))})
    with pytest.raises(GatewiseError, match="give the zone of local days in UTC with --time-zone, such as"):
        read_series(table)
    assert len(read_series(table, time_zone="Europe/Berlin").series[0]) == 4


def test_durations_are_counted_from_1970():
    hours = pl.Series(range(3)) * 3_600_000
    times = read(hours.cast(pl.Duration("ms")))
    assert str(find_step(times.values)) == "hour"
    assert [str(one) for one in written(times)] == ["3:00:00", "4:00:00"]
    assert times.clock.note == "the durations of column 't' are counted from 1970-01-01"


NANOSECONDS = [1_700_000_000_000_000_000 + 100 * step for step in range(4)]


@pytest.mark.parametrize(
    "kind", [pl.Int64, pl.String, pl.Datetime("ns"), pl.Datetime("ns", "UTC"), pl.Duration("ns")]
)
def test_nanoseconds_are_whole_numbers(kind):
    given = pl.Series(NANOSECONDS) - (1_600_000_000_000_000_000 if kind == pl.Duration("ns") else 0)
    values, clock = read(given.cast(kind))
    assert find_step(values).size == 100
    assert (clock.restored(values) == given.cast(kind if kind != pl.String else pl.Int64)).all()


def test_unix_nanoseconds():
    times = read([1_700_000_000_000_000_000 + 3_600_000_000_000 * step for step in range(3)])
    assert (str(find_step(times.values)), times.clock.note) == (
        "hour",
        "column 't' was read as Unix nanoseconds",
    )
    assert written(times) == [1_700_010_800_000_000_000, 1_700_014_400_000_000_000]


@pytest.mark.parametrize(
    ("cells", "first", "step", "expected"),
    [
        ([45291, 45292, 45293], (2023, 12, 31), "day", [45294, 45295]),
        (["45291.5", "45292", "45292.5"], (2023, 12, 31, 12), "12 hours", [45293, 45293.5]),
        ([45292 + hour / 24 for hour in range(24)], (2024, 1, 1), "hour", [45293, 45293 + 1 / 24]),
    ],
)
def test_serial_numbers_of_excel(cells, first, step, expected):
    times = read(cells, "excel")
    assert times.values[0] == datetime(*first)
    assert str(find_step(times.values)) == step
    assert written(times) == expected


def test_serial_numbers_need_their_format():
    note = "column 't' was read as whole numbers; --time-format excel reads dates of Excel"
    assert read([45291, 45292]).clock.note == note
    assert read([1, 2]).clock.note is None
    for cells in ([45291.0, 45291.5], ["45291", "45291.5"]):
        with pytest.raises(
            GatewiseError, match=r"got '45291.*'; --time-format excel reads serial numbers of Excel"
        ):
            read(cells)
    with pytest.raises(
        GatewiseError, match=r"line 3, column 't': expected a serial number of Excel like 45292.5, got"
    ):
        read(["45291", "2024-01-01"], "excel")


def test_forecasts_have_serial_numbers_in_full():
    table = pl.DataFrame({"t": [45292 + hour / 24 for hour in range(60)], "y": range(60)})
    with gatewise.backend("reference"):
        options = {"hidden": 2, "max_steps": 1, "context": 4, "progress": False}
        model = gatewise.Forecaster(horizon=2, **options).fit(table, time="t", time_format="excel")
        assert model.predict()["t"].to_list() == [45292 + hour / 24 for hour in (60, 61)]


def test_months_of_a_study():
    table = Table(
        "file.csv",
        pl.DataFrame({"t": [f"{year}-{month:02d}" for year in (1, 2, 10) for month in (1, 12)]}),
        2,
    )
    assert looks_like_times(table, "t")
    times = read(["1-11", "1-12", "2-01", "2-02"])
    assert times.values[0] == datetime(2001, 11, 1)
    assert (str(find_step(times.values)), written(times)) == ("month", ["2-03", "2-04"])
    assert times.clock.note == "column 't' was read as years and months of a study, from 2001 on"
    assert read(["1-01", "1-02"], "study").values[1] == datetime(2001, 2, 1)


@pytest.mark.parametrize(
    "cells", [["1-01", "1-02"], ["1-01", "2-01", "3-01"], ["1-12", "1-13"], ["0-11", "1-01"]]
)
def test_what_may_be_days_is_no_month_of_a_study(cells):
    remedy = "--time-format study reads" if cells[1] != "1-13" else "give another form with --time-format"
    with pytest.raises(GatewiseError, match=f"expected a time like .*; {remedy}"):
        read(cells)


def test_predictions_of_local_days_are_in_utc():
    days = pl.datetime_range(
        datetime(2024, 1, 1), datetime(2024, 12, 1), "1d", time_zone="Europe/Berlin", eager=True
    )
    table = pl.DataFrame({"t": days.dt.convert_time_zone("UTC"), "y": range(len(days))})
    found = read_series(table, Columns("t", "y"), time_zone="Europe/Berlin")
    assert (str(found.step), len(found.series[0])) == ("day", len(days))
    assert (found.clock.restored(found.series[0].times) == table["t"]).all()

"""Times: their forms, and the step between them."""

import re
from datetime import date, datetime

import polars as pl
import pytest

from gatewise.data.series.step import Step, find_step
from gatewise.data.tables.table import Table
from gatewise.data.times.column import read_times
from gatewise.data.times.formats import shortest_format
from gatewise.errors import GatewiseError


def times_of(*texts, time_format=None):
    return read_times(Table("file.csv", pl.DataFrame({"t": list(texts)}), 2), "t", time_format).values


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
def test_formats_of_a_time(text, expected):
    assert times_of(text).to_list() == [expected]


def test_whole_numbers():
    assert times_of("1950", "1951").to_list() == [1950, 1951]


def test_any_row_may_decide_the_format():
    assert times_of("02/01/2020", "02/13/2020")[0] == datetime(2020, 2, 1)


def test_an_ambiguous_format_is_refused():
    with pytest.raises(GatewiseError, match=re.escape("may be %m/%d/%Y or %d/%m/%Y; choose one")):
        times_of("02/01/2020", "03/01/2020")
    assert times_of("02/01/2020", "03/01/2020", time_format="%d/%m/%Y")[0] == datetime(2020, 1, 2)


def test_a_cell_that_is_not_a_time():
    with pytest.raises(
        GatewiseError, match=r"file.csv, line 3, column 't': expected a time like %Y-%m-%d, got 'x'"
    ):
        times_of("2020-01-01", "x", "2020-01-03")


def test_a_missing_time():
    with pytest.raises(GatewiseError, match="line 3, column 't': the time is missing"):
        times_of("2020-01-01", "", "2020-01-03")


@pytest.mark.parametrize(
    ("texts", "expected", "period"),
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
def test_steps(texts, expected, period):
    times = times_of(*texts)
    step = find_step(times)
    assert (str(step), step.usual_period) == (expected, period)
    places, on_grid = step.places(times)
    assert (places.tolist(), on_grid.tolist()) == ([0, 1, 2], [True] * 3)
    assert step.grid(times, 3).to_list() == times.to_list()


def test_the_grid_continues_at_month_ends():
    times = times_of("2020-11-30", "2020-12-31", "2021-01-31")
    assert find_step(times).grid(times, 5)[-2:].to_list() == [datetime(2021, 2, 28), datetime(2021, 3, 31)]


def test_the_grid_continues_at_last_business_days():
    times = times_of("2021-12-31", "2022-01-31", "2022-02-28", "2022-03-31", "2022-04-29")
    step = find_step(times)
    assert (str(step), step.places(times)[1].all()) == ("month", True)
    assert step.grid(times, 8)[-3:].dt.strftime("%Y-%m-%d").to_list() == [
        "2022-05-31",
        "2022-06-30",
        "2022-07-29",
    ]
    quarters = times_of("2022-03-31 17:00", "2022-06-30 17:00", "2022-09-30 17:00", "2022-12-30 17:00")
    assert str(find_step(quarters)) == "quarter"
    assert find_step(quarters).grid(quarters, 5)[-1] == datetime(2023, 3, 31, 17)
    damaged = times_of("2021-12-31", "2022-01-31", "2022-02-28", "2022-03-31", "2022-04-28")
    assert not find_step(damaged).places(damaged)[1].all()


def test_a_step_as_text():
    assert str(Step(14 * 86_400_000_000, "microseconds")) == "2 weeks"


def test_years_of_two_digits():
    assert times_of("01/13/20", "01/14/20").to_list() == [datetime(2020, 1, 13), datetime(2020, 1, 14)]
    assert times_of("13.1.99", "14.1.99")[0] == datetime(1999, 1, 13)
    with pytest.raises(
        GatewiseError,
        match=re.escape(
            "'1/1/24' may be %m/%d/%y or %d/%m/%y; choose one with --time-format, such as --time-format "
            "'%m/%d/%y'"
        ),
    ):
        times_of("1/1/24", "1/2/24")
    with pytest.raises(GatewiseError, match="line 2, column 't': expected a time like"):
        times_of("20-13-01")


def test_a_refusal_names_the_option_for_other_forms():
    with pytest.raises(
        GatewiseError,
        match=r"got 'x'; give another form with --time-format, such as --time-format '%d.%m.%Y %H:%M'$",
    ):
        times_of("2020-01-01", "x")


def test_24_hours_are_the_midnight_of_the_next_day():
    texts = ["2020-02-29 23:00", "2020-02-29 24:00", "2020-03-01 01:00"]
    times = times_of(*texts)
    assert times.to_list() == [datetime(2020, 2, 29, 23), datetime(2020, 3, 1), datetime(2020, 3, 1, 1)]
    assert written(*texts)[1] == "2020-03-01 00:00"
    assert times_of("1/31/2020 24:00:00", "2/1/2020 01:00:00")[0] == datetime(2020, 2, 1)
    with pytest.raises(GatewiseError, match=r"line 3, column 't': .*, got '2020-02-29 24:01'"):
        times_of("2020-02-29 23:00", "2020-02-29 24:01")


@pytest.mark.parametrize(
    "texts",
    [
        ["2020-01-13", "2020-01-13 01:00", "2020-01-13 02:00"],
        ["2020-01-12 23:00", "2020-01-13", "2020-01-13 01:00"],
        ["1/13/2020", "1/13/2020 12:00 PM", "1/14/2020", "1/14/2020 12:00 PM"],
    ],
)
def test_midnights_without_a_clock(texts):
    times = times_of(*texts)
    assert times[texts.index(next(text for text in texts if ":" not in text))] == datetime(2020, 1, 13)
    assert find_step(times).places(times)[0].tolist() == list(range(len(texts)))
    assert times_of(*written(*texts)).to_list() == times.to_list()


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (["2020-01-01", "2020-01-02", "2020-01-02 02:00"], 4),  # most are days
        (["2020-01-01 00:00", "2020-01-01 23:00", "2020-01-02"], 4),  # a midnight has its clock
        (["2020-01-01 22:00", "2020-01-01 23:00", "2020-01-01", "2020-01-02 01:00"], 4),  # out of order
    ],
)
def test_a_time_that_lacks_its_clock(texts, line):
    with pytest.raises(GatewiseError, match=f"line {line}, column 't': expected a time like"):
        times_of(*texts)


def written(*texts, time_format=None):
    """Times as they would be written to a file."""
    times = read_times(Table("file.csv", pl.DataFrame({"t": list(texts)}), 2), "t", time_format)
    values = times.clock.restored(times.values)
    form = times.clock.written(values)
    return values.cast(pl.String).to_list() if form is None else values.dt.to_string(form).to_list()


OFFSETS = ["+01:00", "-0330", "Z", " UTC", "+00:00", " +05:45", "+02"]


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("text", ["2020-03-04T05:06:07", "2020-01-01 00:00", "2010-01-01T00:00:00.5"])
def test_an_offset_keeps_its_own_clock(text, offset):
    assert times_of(text + offset).to_list() == times_of(text).to_list()
    assert written(text + offset)[0].replace(".500", ".5") == text + offset


@pytest.mark.parametrize(
    "form",
    [
        "2020-01-31",
        "2020/01/31",
        "12/31/2020",
        "31.12.2020",
        "20200131",
        "2020-01-31 05:06",
        "2020-01",
        "202001",
    ],
)
def test_times_are_written_as_they_were_read(form):
    assert written(form, form) == [form, form]


@pytest.mark.parametrize(
    ("texts", "last"),
    [
        ("2020Q1 2020Q4", datetime(2020, 10, 1)),
        ("2020-Q1 2020-Q2", datetime(2020, 4, 1)),
        ("2020-W07 2020-W53", datetime(2020, 12, 28)),
        ("2020-W07-1 2020-W07-7", datetime(2020, 2, 16)),
        ("Jan-20 Feb-20", datetime(2020, 2, 1)),
        ("2020-Jan 2020-Dec", datetime(2020, 12, 1)),
        ("1-Jan-2020 31-Jan-2020", datetime(2020, 1, 31)),
        ("01Jan2020 31Jan2020", datetime(2020, 1, 31)),
        ("1/2/2020 1/13/2020", datetime(2020, 1, 13)),
        ("1-January-2020 2-February-2020", datetime(2020, 2, 2)),
        ("1/13/24 1/14/24", datetime(2024, 1, 14)),
        ("13-01-2024 14-01-2024", datetime(2024, 1, 14)),
        ("13.01.24 14.01.24", datetime(2024, 1, 14)),
        ("1-Jan-24 2-Jan-24", datetime(2024, 1, 2)),
    ],
)
def test_forms_of_one_word(texts, last):
    assert times_of(*texts.split())[1] == last
    assert written(*texts.split()) == texts.split()


@pytest.mark.parametrize(
    ("texts", "last"),
    [
        (("Q1 2020", "Q3 2020"), datetime(2020, 7, 1)),
        (("2020 Q1", "2020 Q3"), datetime(2020, 7, 1)),
        (("Jan 2020", "May 2020"), datetime(2020, 5, 1)),
        (("January 2020", "May 2020"), datetime(2020, 5, 1)),
        (("01 Jan 2020", "31 Jan 2020"), datetime(2020, 1, 31)),
        (("Jan 1, 2020", "Jan 12, 2020"), datetime(2020, 1, 12)),
        (("January 1, 2020", "May 12, 2020"), datetime(2020, 5, 12)),
        (("1/2/2020 3:00 PM", "1/13/2020 12:00 AM"), datetime(2020, 1, 13)),
        (("01/13/2020 12:30:00 AM", "01/13/2020 12:30:00 PM"), datetime(2020, 1, 13, 12, 30)),
        (("13.01.2020 03:00 pm", "13.01.2020 04:00 pm"), datetime(2020, 1, 13, 16)),
        (("1/13/2020 3PM", "1/13/2020 4PM"), datetime(2020, 1, 13, 16)),
        (("2020-01-01 9:00", "2020-01-01 10:00"), datetime(2020, 1, 1, 10)),
    ],
)
def test_forms_of_several_words(texts, last):
    assert times_of(*texts)[1] == last
    assert written(*texts) == list(texts)


@pytest.mark.parametrize(
    ("first", "damaged", "form"),
    [
        ("2020Q1", "2020Q5", "%YQ%q"),
        ("2020Q1", "2020Q02", "%YQ%q"),
        ("Q1 2020", "Q2 20", "Q%q %Y"),
        ("2020-W07", "2020-W54", "%G-W%V"),
        ("2020-W07-1", "2020-W08-8", "%G-W%V-%u"),
        ("Jan-20", "Foo-20", "%b-%y"),
        ("Jan 2020", "Jan 20", "%b %Y"),
        ("31-Jan-2020", "30-Feb-2020", "%d-%b-%Y"),
        ("Jan 31, 2020", "Feb 30, 2020", "%b %d, %Y"),
        ("1/31/2020 3:00 PM", "1/31/2020 13:00 PM", "%m/%d/%Y %I:%M %p"),
    ],
)
def test_a_damaged_cell_is_refused_in_every_form(first, damaged, form):
    message = f"line 3, column 't': expected a time like {form}, got {damaged!r}"
    with pytest.raises(GatewiseError, match=re.escape(message)):
        times_of(first, damaged, first)


def test_a_given_format_is_completed_by_its_first_day():
    assert times_of("1.20", time_format="%m.%y").to_list() == [datetime(2020, 1, 1)]
    assert written("1.20", "12.20", time_format="%m.%y") == ["1.20", "12.20"]


def test_days_of_a_zone_with_daylight_saving_stay_on_its_clock():
    texts = [
        "2024-03-30T00:00:00+01:00",
        "2024-03-31T00:00:00+01:00",
        "2024-04-01T00:00:00+02:00",
        "2024-04-02T00:00:00+02:00",
    ]
    assert times_of(*texts).to_list() == [
        datetime(2024, 3, 30),
        datetime(2024, 3, 31),
        datetime(2024, 4, 1),
        datetime(2024, 4, 2),
    ]
    months = [f"2024-{month:02}-01T00:00:00+0{1 + (3 < month < 11)}:00" for month in range(1, 13)]
    assert times_of(*months).dt.month().to_list() == list(range(1, 13))
    assert times_of("2024-01-01T00:00:00Z", "2024-07-01T00:00:00+01:00").to_list() == [
        datetime(2024, 1, 1),
        datetime(2024, 7, 1),
    ]


def test_hours_across_daylight_saving_are_on_the_clock_of_the_last_offset():
    texts = [
        "2024-10-27T01:00+02:00",
        "2024-10-27T02:00+02:00",
        "2024-10-27T02:00+01:00",
        "2024-10-27T03:00+01:00",
    ]
    times = read_times(Table("file.csv", pl.DataFrame({"t": texts}), 2), "t")
    assert times.values.to_list() == [datetime(2024, 10, 27, hour) for hour in range(4)]
    assert written(*texts)[-1] == texts[-1]
    assert "the offsets of column 't' change; forecasts have the last one, +01:00" in times.clock.note
    spring = [
        "2024-03-31T00:00+01:00",
        "2024-03-31T01:00+01:00",
        "2024-03-31T03:00+02:00",
        "2024-03-31T04:00+02:00",
    ]
    assert find_step(times_of(*spring)).places(times_of(*spring))[0].tolist() == [0, 1, 2, 3]


def test_places_with_offsets_of_their_own_are_compared_in_one():
    """Two series that show the same local times are at different times."""
    texts = [
        "2024-01-01T00:00+01:00",
        "2024-01-02T00:00+01:00",
        "2024-01-01T00:00-05:00",
        "2024-01-02T00:00-05:00",
    ]
    assert times_of(*texts).to_list() == [
        datetime(2023, 12, 31, 18),
        datetime(2024, 1, 1, 18),
        datetime(2024, 1, 1),
        datetime(2024, 1, 2),
    ]


@pytest.mark.parametrize("offset", ["", "+25:00", "+01:77"])
def test_an_invalid_offset(offset):
    with pytest.raises(GatewiseError, match=r"line 3, column 't': expected a time"):
        times_of("2020-03-04T05:00:00+01:00", f"2020-03-04T06:00:00{offset}")


def test_times_of_a_zone():
    hours = pl.datetime_range(
        datetime(2020, 3, 28, 23), datetime(2020, 3, 29, 4), "1h", time_zone="Europe/Berlin", eager=True
    )
    found = read_times(Table("file", pl.DataFrame({"t": hours}), 1), "t").values
    assert found.diff().drop_nulls().n_unique() == 1
    days = pl.datetime_range(
        datetime(2020, 3, 27), datetime(2020, 3, 31), "1d", time_zone="Europe/Berlin", eager=True
    )
    found = read_times(Table("file", pl.DataFrame({"t": days}), 1), "t").values
    assert found.to_list()[-1] == datetime(2020, 3, 31)


@pytest.mark.parametrize(
    ("whole", "expected"), [(20240131, datetime(2024, 1, 31)), (202402, datetime(2024, 2, 1))]
)
def test_whole_numbers_that_are_dates(whole, expected):
    assert read_times(Table("file", pl.DataFrame({"t": [whole]}), 1), "t").values.to_list() == [expected]


@pytest.mark.parametrize(
    ("texts", "last"),
    [
        (["2024033023", "2024033100"], datetime(2024, 3, 31)),
        (["202403302330", "202403310000"], datetime(2024, 3, 31)),
        (["1700000000", "1700003600"], datetime(2023, 11, 14, 23, 13, 20)),
        (["1700000000123", "1700003600123"], datetime(2023, 11, 14, 23, 13, 20, 123_000)),
        (["1700000000123456", "1700003600123456"], datetime(2023, 11, 14, 23, 13, 20, 123_456)),
    ],
)
def test_hours_and_unix_times_of_digits_only(texts, last):
    assert times_of(*texts)[1] == last
    assert written(*texts) == texts
    whole = pl.Series([int(text) for text in texts])
    values, clock = read_times(Table("file", pl.DataFrame({"t": whole}), 1), "t")
    assert clock.restored(values).equals(whole)


def test_a_note_names_unix_times():
    table = Table("file.csv", pl.DataFrame({"t": ["1700000000000", "1700003600000"]}), 2)
    assert read_times(table, "t").clock.note == "column 't' was read as Unix milliseconds"
    assert read_times(Table("file.csv", pl.DataFrame({"t": ["1", "2"]}), 2), "t").clock.note is None


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["2024033022", "2024033024", "2024033100"], "expected a time like %Y%m%d%H, got '2024033024'"),
        (["202403302259", "202403302260", "202403302301"], "a time like %Y%m%d%H%M, got '202403302260'"),
        (["1700000000", "x", "1700007200"], "or whole numbers, got 'x'"),
    ],
)
def test_damaged_digits(texts, message):
    with pytest.raises(GatewiseError, match=rf"line 3, column 't': .*{re.escape(message)}"):
        times_of(*texts)


@pytest.mark.parametrize(
    ("text", "unit", "other"),
    [
        ("1700000001000", "seconds", "milliseconds"),
        ("1700000001000000000", "seconds", "nanoseconds"),
        ("1700000000", "microseconds", "seconds"),
    ],
)
def test_unix_times_of_two_units_are_refused(text, unit, other):
    first = {"seconds": "1700000000", "microseconds": "1700000000000000"}[unit]
    with pytest.raises(
        GatewiseError,
        match=f"^file.csv, line 4, column 't': expected Unix {unit} as in line 2, got '{text}', which may be "
        f"{other}; write all times in one unit$",
    ):
        times_of(first, first[:-1] + "1", text)


def test_whole_numbers_with_decimals():
    assert times_of("0.0", "1.", "2.00").to_list() == [0, 1, 2]
    assert times_of("1700000000.0", "1700003600.0")[1] == datetime(2023, 11, 14, 23, 13, 20)
    with pytest.raises(
        GatewiseError, match=r"got '0.00'; --time none counts rows that are one step apart, and --irr"
    ):
        times_of("0.00", "0.01", "0.02")
    with pytest.raises(
        GatewiseError, match=r"got '2.5'; --time none counts rows that are one step apart, and --irr"
    ):
        read_times(Table("file", pl.DataFrame({"t": [1.0, 2.5]}), 1), "t")


def test_clocks_without_a_day():
    with pytest.raises(GatewiseError, match="got '07:00'; --time DAY,CLOCK joins a clock to the days of"):
        times_of("07:00", "08:00")


def test_given_unix_times():
    assert times_of("0", "60", time_format="%s")[1] == datetime(1970, 1, 1, 0, 1)
    with pytest.raises(
        GatewiseError, match="line 3, column 't': expected a time like %s, got '9000000000000000000'"
    ):
        times_of("0", "9000000000000000000", time_format="%s")


@pytest.mark.parametrize(
    "texts",
    [
        ("22001", "22002"),
        ("190013", "190014"),
        ("180001", "180002"),
        ("210101", "210102"),
        ("999999999", "1000000000"),
        ("4102444800", "4102444801"),
        ("170000000000", "170000003600"),
        ("202401", "20240101"),
        ("45292", "45293"),
    ],
)
def test_numbers_that_are_not_dates(texts):
    assert times_of(*texts).to_list() == [int(text) for text in texts]


def test_whole_numbers_beyond_64_bits_and_years_beyond_9999():
    with pytest.raises(
        GatewiseError, match="line 3, column 't': expected a time within 1e18, got '9000000000000000000'"
    ):
        times_of("1", "9000000000000000000")
    with pytest.raises(GatewiseError, match="line 2, column 't': expected a time like"):
        times_of("99999999999999999999")
    late = times_of("9999-12-30", "9999-12-31")
    with pytest.raises(GatewiseError, match="beyond the year 9999"):
        find_step(late).grid(late, 3)
    with pytest.raises(GatewiseError, match="beyond the year 9999"):
        Step(1, "months").grid(times_of("9999-11"), 3)


TYPED = [
    (pl.Series([0, 1 << 30], dtype=pl.Int32).cast(pl.Date), "row 2, column 't': expected a year up to 9999"),
    (
        pl.Series([0, 10**18]).cast(pl.Datetime("us")),
        "row 2, column 't': expected a year up to 9999, got '33658'",
    ),
    (pl.Series(["2024-01-01 00:00:00.0000001"]), "row 1, column 't': expected whole microseconds, got"),
    (
        pl.Series([0, 1 << 60]).cast(pl.Duration("us")),
        "row 2, column 't': expected a duration of at most 700,000 days, got '13343998'",
    ),
    (
        pl.Series([2.0, 1e17]),
        "row 2, column 't': expected integers, as floats can't represent whole numbers this lar",
    ),
    (pl.Series([1.0, 2.5]), "row 2, column 't': expected dates or whole numbers as times, got '2.5'"),
    (
        pl.Series([1.0, float("inf")]),
        "row 2, column 't': expected dates or whole numbers as times, got 'inf'",
    ),
    (pl.Series([1.0, 1e300]), r"row 2, column 't': expected dates or whole numbers as times, got '1e\+300'"),
    (pl.Series([1.0, None]), "row 2, column 't': the time is missing"),
    (
        pl.Series([1, 1 << 63], dtype=pl.UInt64),
        "row 2, column 't': expected a time like .*, got '922337203685477580",
    ),
    (pl.Series(["20240230"]), "row 1, column 't': expected a time like .*, got '20240230'"),
    (pl.Series([[1], [2]]), "column 't': expected text for the time, got List"),
]


@pytest.mark.parametrize(("values", "message"), TYPED)
def test_columns_that_are_not_times(values, message):
    with pytest.raises(GatewiseError, match=message):
        read_times(Table("file", pl.DataFrame({"t": values}), 1), "t")


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("step", ["1h", "1d", "1mo"])
def test_typed_times_continue_in_their_type_and_zone(unit, zone, step):
    """Over both changes of daylight saving."""
    start = datetime(2024, 1, 1)
    zoned = pl.datetime_range(start, datetime(2024, 12, 1), step, time_zone=zone, time_unit=unit, eager=True)
    times, rest = zoned[: len(zoned) // 2], zoned[len(zoned) // 2 :]
    values, clock = read_times(Table("file", pl.DataFrame({"t": times}), 1), "t")
    ahead = clock.restored(find_step(values).grid(values, len(zoned)))
    assert ahead.dtype == zoned.dtype
    assert ahead[len(times) :].to_list() == rest.to_list()
    assert clock.written(ahead) == (
        "%Y-%m-%d %H:%M:%S" if step == "1h" or zone else "%Y-%m-%d"
    ) + "%:z" * bool(zone)


def test_dates_stay_dates():
    times = pl.DataFrame({"t": [date(2024, 1, 31), date(2024, 2, 29)]})
    values, clock = read_times(Table("file", times, 1), "t")
    assert clock.restored(find_step(values).grid(values, 3)).to_list()[-1] == date(2024, 3, 31)


def test_a_given_format_may_have_an_offset():
    assert written("01.02.2020 03:00 +0100", time_format="%d.%m.%Y %H:%M %z") == ["01.02.2020 03:00 +0100"]
    assert written("03:00+0100 01.02.2020", time_format="%H:%M%z %d.%m.%Y") == ["2020-02-01 02:00:00+00:00"]
    assert times_of("01/02/20", time_format="%m/%d/%y").to_list() == [datetime(2020, 1, 2)]
    for form in ("", "%Q", "{}", "%"):
        with pytest.raises(GatewiseError, match="line 2, column 't': expected a time like"):
            times_of("1", "2", time_format=form)


def test_how_times_are_written():
    assert shortest_format(times_of("2024-01", "2024-02")) == "%Y-%m"
    assert shortest_format(times_of("2024-01-01", "2024-01-02")) == "%Y-%m-%d"
    assert shortest_format(times_of("2024-01-01 05:00")) == "%Y-%m-%d %H:%M:%S"
    assert shortest_format(times_of("1", "2")) is None

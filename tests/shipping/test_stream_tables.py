"""Tables, zones, ids and gaps in the streams of series, against `predict`."""

import datetime
import json

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from tests.shipping.stepping import SMALL, forecaster, months

DIGITS = 6e-7  # relative: predict rounds to 7 significant digits
pytestmark = pytest.mark.filterwarnings("ignore:.*scaled by their own values")


@pytest.fixture(scope="module")
def sales():
    return forecaster(id="store", refit=False)


def assert_as_predicted(model, table, given=None):
    """The answer to a table, or to others of the same steps, is the prediction, in all columns."""
    answers, expected = model.stream().step(table if given is None else given), model.predict(table)
    assert answers.schema == expected.schema
    for name in answers.columns:
        if answers[name].dtype.is_float():
            np.testing.assert_allclose(answers[name], expected[name], rtol=DIGITS)
        else:
            assert answers[name].to_list() == expected[name].to_list()


def test_times_in_utc_are_read_in_the_zone_of_the_model():
    hours = pl.datetime_range(
        pl.datetime(2024, 1, 1), pl.datetime(2024, 2, 19, 23), "1h", time_zone="UTC", eager=True
    )
    table = pl.DataFrame({"hour": hours, "load": np.sin(np.arange(len(hours)) * np.pi / 12)})
    model = forecaster(table, "hour", "load", time_zone="America/New_York", refit=False)
    assert model.model_.preprocessing["learned"]["cycles"]
    naive = table.with_columns(pl.col("hour").dt.replace_time_zone(None))
    for one in (table, naive, naive.with_columns(pl.col("hour").dt.to_string("%Y-%m-%d %H:%M:%S"))):
        assert_as_predicted(model, one.head(40))
    stream = model.stream()
    for record in table.head(40).iter_rows(named=True):
        answer = stream.step(record)
    np.testing.assert_allclose(answer["load"], model.predict(table.head(40))["load"], rtol=DIGITS)
    described = model._task.deployed(model.model_).described()
    assert described["time_zone"] == "America/New_York"
    assert "local time of America/New_York" in json.dumps(described["inputs"])


def test_times_with_an_offset_are_on_their_own_clock_without_a_zone():
    days = pl.datetime_range(
        pl.datetime(2024, 1, 1), pl.datetime(2024, 4, 20), "1d", time_zone="Europe/Berlin", eager=True
    )  # over the beginning of daylight saving time
    table = pl.DataFrame({"day": days, "load": 50 + np.sin(np.arange(len(days)) / 3)})
    model = forecaster(table, time="day", target="load", refit=False)
    assert_as_predicted(model, table)
    stream = model.stream()
    for record in table.iter_rows(named=True):
        answer = stream.step({**record, "day": record["day"].isoformat()})
    np.testing.assert_allclose(answer["load"], model.predict(table)["load"], rtol=DIGITS)


def test_whole_numbers_that_are_dates():
    table = months(("a",)).drop("store").with_columns(pl.col("month").dt.to_string("%Y%m%d").cast(pl.Int64))
    model = forecaster(table, time_format="%Y%m%d", refit=False)
    assert_as_predicted(model, table)
    stream = model.stream()
    for record in table.iter_rows(named=True):
        answer = stream.step(record)
    np.testing.assert_allclose(answer["sales"], model.predict(table)["sales"], rtol=DIGITS)
    with pytest.raises(gw.GatewiseError, match="2020"):
        stream.step({"month": 2020, "sales": 1.0})


def test_digits_in_a_text_are_read_as_those_of_a_table():
    """1420070400000, in milliseconds from 1970 on, is a date of 1420 in ISO 8601."""
    table = months(("a",)).drop("store")
    table = table.with_columns(pl.col("month").dt.epoch("ms").cast(pl.String))
    model = forecaster(table, refit=False)
    stream = model.stream()
    for record in table.iter_rows(named=True):
        answer = stream.step(record)
    np.testing.assert_allclose(answer["sales"], model.predict(table)["sales"], rtol=DIGITS)


def test_times_in_several_columns():
    table = months(("a",)).select(
        pl.col("month").dt.year().alias("year"), pl.col("month").dt.month().alias("month"), "sales"
    )
    model = forecaster(table, None, refit=False)
    assert_as_predicted(model, table)
    stream = model.stream()
    for record in table.iter_rows(named=True):
        answer = stream.step(record)
    np.testing.assert_allclose(answer["sales"], model.predict(table)["sales"], rtol=DIGITS)


@pytest.mark.parametrize("ids", [(True, False), pytest.param((1.0, 2.0), marks=pytest.mark.thorough)])
def test_ids_that_are_no_texts(ids):
    table = months().with_columns(pl.col("store").replace_strict({"a": ids[0], "b": ids[1]}))
    model = forecaster(table, id="store", refit=False)
    assert_as_predicted(model, table)
    answer = model.stream().step(table.row(0, named=True))  # a new series needs a past
    expected = model.predict(table.head(1))
    np.testing.assert_allclose(answer["sales"], expected["sales"], rtol=DIGITS)


def test_a_static_column_of_booleans():
    table = months().with_columns(large=pl.col("store") == "b")
    model = forecaster(table, id="store", static=["large"], categorical=["large"], refit=False)
    assert_as_predicted(model, table)


@pytest.mark.parametrize(
    "fill", ["zero", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("forward", "mask"))]
)
def test_a_new_series_with_gaps_is_scaled_as_by_predict(fill):
    model = forecaster(id="store", fill=fill, normalization="series", refit=False)
    rows = pl.int_range(pl.len())
    table = months(("z",)).with_columns(
        sales=pl.when((rows % 5 != 3) & (rows < 57)).then(pl.col("sales") * 100 + rows)
    )
    assert_as_predicted(model, table)  # which ends with missing values
    assert_as_predicted(model, table, table.sample(fraction=1, shuffle=True, seed=0))


def test_missing_values_at_the_end_need_times_to_be_left_out():
    table = months(("a",)).select("sales")
    model = forecaster(table, "none", fill="forward", refit=False)
    with pytest.raises(gw.GatewiseError, match="leave out their rows until the next value"):
        model.stream().step(pl.DataFrame({"sales": [1.0, None]}))


def test_nan_is_missing_in_rows_of_the_horizon():
    table = months().with_columns(price=pl.col("sales").shuffle(1) / 10)
    model = forecaster(table, id="store", known=["price"], refit=False)
    last = pl.int_range(pl.len()).over("store") >= 57
    nulls = table.with_columns(pl.when(~last).then(pl.col("sales")))
    assert_as_predicted(model, nulls, nulls.fill_null(float("nan")))


def test_rows_are_sorted_by_time(sales):
    table = months()
    shuffled = table.sample(fraction=1, shuffle=True, seed=0)
    answers, expected = sales.stream().step(shuffled).sort("store", "month"), sales.predict(table)
    np.testing.assert_allclose(answers["sales"], expected["sales"], rtol=DIGITS)


def test_a_step_of_another_series_is_refused(sales):
    first = {"store": "a", "month": datetime.date(2020, 1, 1), "sales": 50.0}
    stream = sales.stream()
    stream.step(first)
    for id in (None, "mine"):
        stream.begin(id, series="a")
        with pytest.raises(
            gw.GatewiseError, match="of the series 'a', whose scale it has, and the step of 'b'"
        ):
            stream.step_many({id: {**first, "store": "b"}})
    stream.step_many({"mine": first})


def test_sequences_with_ids_in_two_columns_are_sorted_by_time():
    rng = np.random.default_rng(0)
    table = pl.DataFrame(
        {
            "person": np.repeat(["a", "b"], 90),
            "trial": np.tile(np.repeat([1, 2, 3], 30), 2),
            "time": np.tile(np.arange(30), 6),
            "x": rng.normal(size=180),
        }
    ).with_columns(label=pl.when(pl.col("x") > 0).then(pl.lit("high")).otherwise(pl.lit("low")))
    model = gw.Labeler(bidirectional=False, cell="gru", epochs=1, **SMALL).fit(table, id="person,trial")
    shuffled = table.drop("label").sample(fraction=1, shuffle=True, seed=0)
    answers = model.stream().step(shuffled)
    joined = answers.join(model.predict(table).filter(pl.col("time") == 29), on=["person", "trial"])
    assert joined.height == 6
    np.testing.assert_allclose(
        joined.select(pl.max_horizontal("p(high)", "p(low)")).to_series(), joined["probability"], atol=6e-5
    )  # predict rounds to 4 digits


def test_a_form_of_times_that_was_found_is_kept():
    table = months(("a",)).with_columns(pl.col("month").dt.to_string("%d.%m.%Y")).drop("store")
    model = forecaster(table, refit=False)
    stream = model.stream()
    stream.step(table.head(20))
    with pytest.raises(gw.GatewiseError, match="one month after the last one"):
        stream.step({"month": "13.10.2016", "sales": 1.0})
    for record in table.slice(20).iter_rows(named=True):  # of which 01.09.2016 alone could be the ninth
        answer = stream.step(record)
    np.testing.assert_allclose(answer["sales"], model.predict(table)["sales"], rtol=DIGITS)

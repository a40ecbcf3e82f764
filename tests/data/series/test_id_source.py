"""Ids in several columns: joined for the series, apart again in predictions."""

import polars as pl
import pytest

import gatewise
from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.errors import GatewiseError
from tests.series import frame

BOTH = Columns(target="y", id="country, store")


def table(countries=("FR", "FR", "DE"), stores=(1, 2, 1), **more):
    return pl.concat(
        pl.DataFrame({"country": country, "store": store, "t": [1, 2, 3], "y": [1.0, 2.0, 4.0], **more})
        for country, store in zip(countries, stores, strict=True)
    )


def test_two_columns_identify_series():
    found = read_series(table(), BOTH)
    assert [series.id for series in found.series] == ["FR / 1", "FR / 2", "DE / 1"]
    assert found.columns.id_cells("FR / 1", 2) == {"country": ["FR", "FR"], "store": ["1", "1"]}
    again = read_series(table(), found.columns)
    assert [series.id for series in again.series] == ["FR / 1", "FR / 2", "DE / 1"]
    assert [len(series) for series in read_series(table(), Columns("none", "y", "country,store")).series] == [
        3
    ] * 3


def test_a_column_of_that_name_comes_first():
    named = table().rename({"country": "country, store"})
    assert read_series(named.filter(pl.col("store") == 1), BOTH).columns.id_source is None


@pytest.mark.parametrize(
    ("given", "columns", "message"),
    [
        (
            table(("FR / 1", "DE", "DE")),
            BOTH,
            "row 1, column 'country': 'FR / 1' contains ' / ', which separates",
        ),
        (table(("", "FR", "DE")), BOTH, "row 1, column 'country' is empty: give the id"),
        (
            table(),
            Columns(target="y", id="country,shop"),
            "has no column 'shop' for the id; it has country, store",
        ),
        (
            table(),
            Columns(target="y", id="store,store"),
            "--id store,store names the column 'store' twice; name",
        ),
        (table(), Columns(target="y", id="country,store", known=("store",)), "'store' was given two roles"),
    ],
)
def test_ids_that_are_refused(given, columns, message):
    with pytest.raises(GatewiseError, match=message):
        read_series(given, columns)


def test_predictions_have_the_columns_apart(tmp_path):
    values = pl.concat(frame().with_columns(store=number, country=pl.lit("FR")) for number in (7, 8))
    with gatewise.backend("reference"):
        options = {"hidden": 2, "max_steps": 1, "context": 12, "progress": False}
        model = gatewise.Forecaster(horizon=2, **options).fit(values, id="country,store", target="value")
        predicted = model.predict()
    assert predicted.select("country", "store").rows() == [("FR", 7)] * 2 + [("FR", 8)] * 2
    assert model.predict(samples=1).columns == ["country", "store", "month", "sample", "value"]

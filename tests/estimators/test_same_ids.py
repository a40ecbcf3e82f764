"""The same series and categories in other types: floats for whole numbers, words for Booleans."""

import numpy as np
import polars as pl
import pytest

import gatewise

ROWS = 60


def shops():
    values = np.random.default_rng(0).normal(size=2 * ROWS)
    return pl.DataFrame({
        "store": np.repeat([1, 2], ROWS), "day": [*range(ROWS)] * 2, "sold": values + 20,
        "open": np.repeat([True, False], ROWS),
    })  # fmt: skip


@pytest.fixture(scope="module")
def model():
    settings = {"horizon": 2, "hidden": 2, "max_steps": 1, "progress": False, "baselines": False}
    options = {"static": ["open"], "normalization": "series", "log": "never"}
    columns = {"id": "store", "time": "day", "target": "sold"}
    with gatewise.backend("reference"):
        yield gatewise.Forecaster(**settings, **options).fit(shops(), **columns)


def test_whole_numbers_are_the_same_ids_as_floats(model):
    table = shops().with_columns(store=pl.col("store").cast(pl.Float64))
    predicted = model.predict(table)  # a warning of new series would fail
    assert predicted["store"].dtype == pl.Float64
    assert predicted["sold"].to_list() == model.predict(shops())["sold"].to_list()


@pytest.mark.parametrize(
    "words", [("True", "False"), ("true", "false"), ("yes", "no"), ("1", "0")], ids="-".join
)
def test_booleans_are_the_same_categories_in_words(model, words):
    true, false = (pl.lit(word) for word in words)
    table = shops().with_columns(open=pl.when("open").then(true).otherwise(false))
    assert model.predict(table)["sold"].to_list() == model.predict(shops())["sold"].to_list()


def test_labels_are_predicted_for_arrays_with_missing_values():
    random = np.random.default_rng(0)
    values, labels = random.normal(size=(24, 5, 2)), random.integers(0, 2, (24, 5)).tolist()
    values[0, 1, 0] = np.nan
    labeler = gatewise.Labeler(fill="mask", cell="rnn", hidden=2, epochs=1, progress=False, baselines=False)
    with gatewise.backend("reference"):
        assert [len(one) for one in labeler.fit(values, labels).predict(values)] == [5] * 24

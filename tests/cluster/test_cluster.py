"""Saved models on Ray and Spark: the predictions of the model on one machine."""

import datetime as dt
import sys

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import gatewise
from gatewise.cluster.predictor import Predictor
from gatewise.errors import GatewiseError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of several series, and one of examples in rows, with their tables; hardly trained."""
    folder, random = tmp_path_factory.mktemp("cluster"), np.random.default_rng(0)
    days = [dt.date(2024, 1, 1) + dt.timedelta(step) for step in range(40)]
    values = random.normal(10, 1, 5 * len(days))
    series = pl.DataFrame(
        {"store": [f"s{number}" for number in range(5) for _ in days], "day": days * 5, "sales": values}
    )
    options = {"horizon": 3, "hidden": 4, "max_steps": 2, "refit": False, "progress": False}
    model = gatewise.Forecaster(**options).fit(series, time="day", target="sales", id="store")
    model.save(folder / "forecaster")
    series.sample(fraction=1, shuffle=True, seed=1).write_parquet(folder / "series.parquet")
    rows = pl.DataFrame({"key": range(30), **{f"t{step}": random.normal(size=30) for step in range(12)}})
    kinds = rows.drop("key").with_columns(kind=pl.Series(["a", "b"] * 15))
    model = gatewise.Classifier(network="stack", hidden=4, epochs=1, progress=False).fit(kinds, label="kind")
    model.save(folder / "classifier")
    rows.write_parquet(folder / "rows.parquet")
    return folder


def expected(folder, name):
    """The predictions by one call, in the order of their rows."""
    if name == "forecaster":
        series = pl.read_parquet(folder / "series.parquet").sort("store", "day")
        return gatewise.load(folder / name).predict(series)
    rows = pl.read_parquet(folder / "rows.parquet")
    found = gatewise.load(folder / name).predict(rows.drop("key")).drop("sequence")
    return pl.concat([rows, found], how="horizontal")


def assert_same(folder, name, found):
    order = ["store", "day"] if name == "forecaster" else ["key"]
    assert_frame_equal(found.sort(order), expected(folder, name), rel_tol=1e-5, check_dtypes=False)


def test_examples_in_rows_keep_their_own_columns(folder):
    predictor = Predictor(folder / "classifier")
    table = pl.read_parquet(folder / "rows.parquet").drop("key").to_arrow()
    found = pl.DataFrame(predictor.predicted(table))
    assert found.columns == [*table.column_names, "label", "p(a)", "p(b)"]
    assert_frame_equal(found, expected(folder, "classifier").drop("key"), rel_tol=1e-5)


def test_series_are_predicted_whole(folder):
    predictor = Predictor(folder / "forecaster")
    assert predictor.together == ("store",)
    series = pl.read_parquet(folder / "series.parquet")
    parts = [predictor.predicted(part.to_arrow()) for part in series.partition_by("store")]
    assert_same(folder, "forecaster", pl.concat([pl.DataFrame(part) for part in parts]))


def test_a_model_of_one_series_is_refused(tmp_path):
    series = pl.DataFrame({"year": range(1960, 2000), "value": np.arange(40.0)})
    options = {"horizon": 2, "hidden": 2, "max_steps": 1, "refit": False, "progress": False}
    gatewise.Forecaster(**options).fit(series).save(tmp_path)
    with pytest.raises(GatewiseError, match="a column that identifies series"):
        Predictor(tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["forecaster", "classifier"])
def test_ray_on_two_nodes(folder, name, two_nodes):
    from gatewise.cluster.ray import predict

    table = "series" if name == "forecaster" else "rows"
    dataset = two_nodes.data.read_parquet(str(folder / f"{table}.parquet"))
    found = predict(dataset, folder / name, workers=2).to_pandas()
    assert_same(folder, name, pl.from_pandas(found))


@pytest.mark.thorough
def test_spark(folder, monkeypatch):
    sql = pytest.importorskip("pyspark.sql", reason="Spark is not installed")
    from gatewise.cluster.spark import predict

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    session = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        for name, table in (("forecaster", "series"), ("classifier", "rows")):
            frame = session.read.parquet(str(folder / f"{table}.parquet"))
            assert_same(folder, name, pl.DataFrame(predict(frame, folder / name).toArrow()))
        with pytest.raises(GatewiseError, match="the Spark table has no rows to predict"):
            predict(frame.limit(0), folder / "classifier")
    finally:
        session.stop()

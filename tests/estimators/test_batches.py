"""Predictions in batches: the numbers of the whole table, and an interruption that loses nothing."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import gatewise
from gatewise.errors import GatewiseError
from gatewise.estimators.batches import columns_together

SMALL = {"hidden": 4, "max_steps": 2, "progress": False}


def series(count=5, steps=40):
    random = np.random.default_rng(0)
    days = [dt.date(2024, 1, 1) + dt.timedelta(step) for step in range(steps)]
    return pl.DataFrame(
        {
            "store": [f"s{number}" for number in range(count) for _ in days],
            "day": days * count,
            "sales": random.normal(10, 1, count * steps),
        }
    )


@pytest.fixture
def forecaster():
    return gatewise.Forecaster(horizon=3, refit=False, **SMALL).fit(
        series(), time="day", target="sales", id="store"
    )


def assert_same(found, whole):
    assert_frame_equal(found.collect(), whole, rel_tol=1e-5)  # a batch of another size sums in another order


def test_forecasts_of_whole_series(forecaster, tmp_path):
    series().write_parquet(tmp_path / "sales.parquet")
    found = gatewise.predict_in_batches(
        forecaster, tmp_path / "sales.parquet", tmp_path / "out", rows=90, progress=False
    )
    assert_same(found, forecaster.predict(tmp_path / "sales.parquet"))
    assert len(list((tmp_path / "out").glob("part-*.parquet"))) == 3


def test_an_interruption_loses_nothing_and_repeats_nothing(forecaster, tmp_path, monkeypatch):
    path, out = tmp_path / "sales.parquet", tmp_path / "out"
    series().write_parquet(path)
    seen, own = [], type(forecaster).prediction

    def interrupted(self, data):
        seen.append(data["store"].unique().sort().to_list())
        if len(seen) == 3:
            raise KeyboardInterrupt
        return own(self, data)

    monkeypatch.setattr(type(forecaster), "prediction", interrupted)
    with pytest.raises(KeyboardInterrupt):
        gatewise.predict_in_batches(forecaster, path, out, rows=40, progress=False)
    found = gatewise.predict_in_batches(forecaster, path, out, rows=40, progress=False)
    assert seen == [["s0"], ["s1"], ["s2"], ["s2"], ["s3"], ["s4"]]
    monkeypatch.undo()
    assert_same(found, forecaster.predict(path))
    with pytest.raises(GatewiseError, match="of another model, of other data or in other batches"):
        gatewise.predict_in_batches(forecaster, path, out, rows=41, progress=False)


def test_examples_in_rows_are_counted_through_all_batches(tmp_path):
    random = np.random.default_rng(0)
    frame = pl.DataFrame({f"t{step}": random.normal(size=30) for step in range(12)})
    labelled = frame.with_columns(kind=pl.Series(["a", "b"] * 15))
    model = gatewise.Classifier(network="stack", hidden=4, epochs=1, progress=False).fit(
        labelled, label="kind"
    )
    frame.write_parquet(tmp_path / "rows.parquet")
    found = gatewise.predict_in_batches(
        model, tmp_path / "rows.parquet", tmp_path / "out", rows=7, progress=False
    )
    assert_same(found, model.predict(tmp_path / "rows.parquet"))


def test_several_columns_of_an_id_stay_together(tmp_path):
    frame = series().with_columns(land=pl.lit("x"))
    model = gatewise.Forecaster(horizon=3, refit=False, **SMALL).fit(
        frame, time="day", target="sales", id=["land", "store"]
    )
    assert columns_together(model.model_) == ("land", "store")
    frame.write_parquet(tmp_path / "sales.parquet")
    found = gatewise.predict_in_batches(
        model, tmp_path / "sales.parquet", tmp_path / "out", rows=90, progress=False
    )
    assert_same(found, model.predict(tmp_path / "sales.parquet"))


def test_what_can_not_be_divided(forecaster, tmp_path):
    single = series(count=1).drop("store")
    model = gatewise.Forecaster(horizon=3, refit=False, **SMALL).fit(single, time="day", target="sales")
    single.write_parquet(tmp_path / "one.parquet")
    with pytest.raises(GatewiseError, match="a column that identifies series"):
        gatewise.predict_in_batches(model, tmp_path / "one.parquet", tmp_path / "out")
    with pytest.raises(GatewiseError, match="expected rows as a whole number from 1, got 0"):
        gatewise.predict_in_batches(forecaster, tmp_path / "one.parquet", tmp_path / "out", rows=0)
    (tmp_path / "other").mkdir()
    series().write_parquet(tmp_path / "other" / "table.parquet")
    series().write_parquet(tmp_path / "sales.parquet")
    with pytest.raises(GatewiseError, match="has Parquet files of something else"):
        gatewise.predict_in_batches(forecaster, tmp_path / "sales.parquet", tmp_path / "other")
    assert [one.name for one in (tmp_path / "other").iterdir()] == ["table.parquet"]

"""The protocol of ETTh1: its columns in long form, and errors in standard deviations of the training set."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from gatewise.tasks.comparison import Comparison
from gatewise.tasks.forecast.task import TASK
from gatewise.training.runner import Runner
from tests.series import Quiet, data, seasonal


def test_columns_become_series(script, tmp_path):
    module = script("etth1")
    dates = pl.datetime_range(pl.datetime(2016, 7, 1), pl.datetime(2019, 7, 1), "1h", eager=True)
    wide = pl.DataFrame({"date": dates, "HUFL": np.arange(len(dates)), "OT": -np.arange(len(dates))})
    wide.write_csv(tmp_path / "ETTh1.csv")
    long = module.table(tmp_path / "ETTh1.csv", ("HUFL", "OT"))
    assert long.columns == ["date", "column", "value"]
    assert long.height == 2 * 14_400
    assert long["value"][[0, 14_399, 14_400, 28_799]].to_list() == [0, 14_399, 0, -14_399]


def test_errors_equal_their_formulas(script, monkeypatch):
    module, prepared = script("etth1"), data()
    monkeypatch.setattr(module, "HOURS", 160)
    monkeypatch.setattr(module, "TRAINING", 112 / 160)
    makers = TASK.baselines(replace(prepared, plan=replace(prepared.plan, period=1)))
    results = Runner(TASK, prepared, Quiet(), {}).baselines({"naive": makers["naive"]})
    found = module.scores(Comparison(TASK, prepared, tuple(results)))["naive"]
    values = seasonal()
    errors = np.array(
        [values[first : first + 4] - values[first - 1] for first in range(136, len(values) - 3)]
    ) / np.std(values[:112])
    assert found["MSE"] == pytest.approx((errors**2).mean(), rel=1e-4)
    assert found["MAE"] == pytest.approx(abs(errors).mean(), rel=1e-4)

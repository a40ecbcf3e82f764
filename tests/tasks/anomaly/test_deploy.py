"""Detectors as modules of raw values: the expected values, scores and flags of `predict`."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

import gatewise
from gatewise.errors import GatewiseError
from gatewise.tasks.anomaly.task import TASK
from tests.tasks.anomaly.anomalous import seasonal

SMALL = {"cell": "gru", "hidden": 4, "epochs": 1, "context": 12, "progress": False}


@pytest.mark.parametrize("fill", [None, "mask"])
def test_scores_are_those_of_predict(fill):
    table = seasonal()
    if fill is not None:
        table = table.with_columns(value=pl.when(pl.int_range(pl.len()) % 7 != 3).then("value"))
    model = gatewise.AnomalyDetector(**SMALL, fill=fill).fit(table)
    deployed = TASK.deployed(model.model_)
    values = torch.from_numpy(table["value"].cast(float).fill_null(float("nan")).to_numpy()).unfold(0, 13, 1)
    given = {"target": values}
    if any(field.name == "times" for field in deployed.inputs):
        seconds = torch.from_numpy(table["day"].dt.epoch("s").to_numpy().copy())
        given["times"] = seconds.unfold(0, 13, 1)
    if fill is not None:  # every window has a value among its first two
        missing = values[:, 0].isnan()
        given |= {"last": torch.where(missing, values[:, 0].roll(1), torch.nan), "since": missing.double()}
    with torch.no_grad():
        each = deployed(**given)
    scored = ~values[:, -1].isnan()
    expected, score, flags = (one[scored] for one in each)
    found = model.predict(table)
    np.testing.assert_allclose(expected, found["expected"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(score, found["score"], rtol=1e-4, atol=1e-5)
    assert flags.tolist() == found["anomaly"].to_list()
    assert 0 < flags.sum() < len(flags)


def test_what_can_not_be_deployed_is_refused_with_the_reason():
    model = gatewise.AnomalyDetector(**SMALL).fit(seasonal())
    naive = next(one for one in model.comparison_.results if one.name == "naive").predictions.network
    with pytest.raises(GatewiseError, match="it is the baseline LaggedResidual; give a network"):
        TASK.deployed(replace(model.model_, network=naive))

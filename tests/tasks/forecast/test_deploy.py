"""Forecasters as modules of raw values: the numbers of `predict`."""

import numpy as np
import polars as pl
import pytest
import torch

import gatewise
from gatewise.data.series.calendar import calendar
from gatewise.errors import GatewiseError
from gatewise.tasks.calendar_inputs import calendar_inputs
from gatewise.tasks.forecast.task import TASK
from tests.series import frame, intermittent, seasonal
from tests.tasks.forecast.raw import raw_inputs

SMALL = {"horizon": 3, "context": 12, "epochs": 1, "hidden": 4, "progress": False}


def panel(series=3, steps=120):
    """Daily sales of several shops, with covariates of each kind, known for three more days."""
    days = pl.date_range(pl.date(2021, 1, 4), pl.date(2021, 1, 4) + pl.duration(days=steps - 1), eager=True)
    random, tables = np.random.default_rng(0), []
    for number in range(series):
        sold = 10.0**number * seasonal(steps, period=7, seed=number)
        columns = {
            "shop": [f"shop {number}"] * steps, "day": days, "sold": sold,
            "price": random.normal(3 + number, size=steps),
            "holiday": random.choice(["no", "eve", ""], steps),
            "rain": random.normal(size=steps), "weather": random.choice(["sun", "fog", "snow"], steps),
            "city": [["Rom", "Oslo"][number % 2]] * steps, "area": [float(number)] * steps,
        }  # fmt: skip
        tables.append(pl.DataFrame(columns))
    return pl.concat(tables)


PANEL = {
    "time": "day", "target": "sold", "id": "shop", "known": ["price", "holiday"],
    "observed": ["rain", "weather"], "static": ["city", "area"],
    "categorical": ["holiday", "weather", "city"],
}  # fmt: skip


def compare(model, path, data):
    """The deployed model beside the predictions of the estimator, whose values are rounded to 7 digits."""
    deployed = TASK.deployed(model.model_)
    raw = raw_inputs(model.model_, path)
    assert set(raw) >= {field.name for field in deployed.inputs}
    given = {field.name: raw[field.name].to(getattr(torch, field.dtype)) for field in deployed.inputs}
    for field in deployed.inputs:
        assert given[field.name].shape[1:] == field.axes[1:]
    with torch.no_grad():
        (found,) = deployed(**given)
    table = model.predict(data)
    names = [f"q{level:g}" if level != 0.5 else deployed.description["target"] for level in
             deployed.description["levels"]]  # fmt: skip
    expected = table.select(names).to_numpy().reshape(found.shape)
    np.testing.assert_allclose(found.numpy(), expected, rtol=2e-6)
    return deployed


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "lstm"},
        {"cell": "gru", "network": "encoder-decoder", "log": "always", "refit": True},
        {"cell": "rnn", "ensemble": 2, "skip": "none", "normalization": "series"},
        {"cell": "lstm", "network": "grid"},
        {"cell": "gru", "dilations": (1, 2), "front": "convolution", "levels": (0.05, 0.5, 0.95)},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_one_series(tmp_path, options):
    path = tmp_path / "values.csv"
    frame().write_csv(path)
    model = gatewise.Forecaster(**SMALL, **options).fit(path, target="value")
    deployed = compare(model, path, path)
    assert deployed.inputs[0].name == "target"


def test_a_panel_with_covariates_of_every_kind(tmp_path):
    table = panel()
    path, known = tmp_path / "past.csv", tmp_path / "all.csv"
    last = table["day"].unique().sort()[-3]
    table.filter(pl.col("day") < last).write_csv(path)
    beyond = table.with_columns(
        pl.when(pl.col("day") < last).then(pl.col(name)).alias(name) for name in ("sold", "rain", "weather")
    )
    beyond.write_csv(known)
    model = gatewise.Forecaster(**SMALL, cell="gru").fit(path, **PANEL)
    deployed = compare(model, known, known)
    assert [field.name for field in deployed.inputs] == [
        "target", "series", "times", "known", "known_categories", "observed", "observed_categories", "static",
        "static_categories",
    ]  # fmt: skip
    raw = raw_inputs(model.model_, known)
    raw["series"] = torch.tensor([0, -1, 3])
    (found,) = deployed(**raw)
    assert found.isnan().flatten(1).all(1).tolist() == [False, True, True]  # there are no such series


def test_calendar_inputs_are_those_of_tables():
    texts = [
        "1900-03-01 23:59:30",
        "1969-12-31 00:00:00",
        "2000-02-29 12:30:00",
        "2000-12-31 23:59:59",
        "2023-01-01 00:00:00",
        "2024-03-01 06:00:00",
        "2100-02-28 01:02:03",
        "2100-03-01 00:00:00",
    ]
    times = pl.Series(texts).str.to_datetime()
    many = pl.datetime_range(times[0], times[-1], "1d7h13m", eager=True)
    cycles = ("day", "week", "year")
    for one in (times, many):
        seconds = torch.from_numpy(one.dt.epoch("s").to_numpy().copy())
        np.testing.assert_allclose(calendar_inputs(seconds, cycles), calendar(one, cycles), atol=1e-12)


def test_what_can_not_be_deployed_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "counts.csv"
    intermittent(200).write_csv(path)
    model = gatewise.Forecaster(**SMALL, head="negative-binomial").fit(path, target="sold")
    with pytest.raises(
        GatewiseError, match="NegativeBinomialHead need scipy; train it with --head quantiles"
    ):
        TASK.deployed(model.model_)

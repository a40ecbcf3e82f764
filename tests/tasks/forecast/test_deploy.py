"""Forecasters as modules of raw values: the numbers of `predict`."""

import numpy as np
import polars as pl
import pytest
import torch

import gatewise
from gatewise.data.series.calendar import calendar
from gatewise.data.series.step import Step
from gatewise.modules.count_heads import NegativeBinomialHead
from gatewise.tasks.calendar_inputs import calendar_inputs
from gatewise.tasks.forecast.graph_quantiles import binomial_quantiles
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


@pytest.mark.parametrize("head", ["student-t", "negative-binomial", "tweedie"])
def test_quantiles_of_distributions(tmp_path, head):
    path = tmp_path / "sold.csv"
    intermittent(200).write_csv(path)
    model = gatewise.Forecaster(**SMALL, head=head).fit(path, target="sold")
    compare(model, path, path)


def test_quantiles_of_counts_are_those_of_scipy():
    random = torch.Generator().manual_seed(0)
    raw = (torch.randn(200, 2, generator=random) * 2).exp() + 1e-3
    levels = (0.01, 0.1, 0.5, 0.9, 0.99)
    expected = NegativeBinomialHead(1, 1, levels).quantiles(raw)
    found = binomial_quantiles(levels, raw)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_quantiles_of_large_counts_are_those_of_scipy():
    """Within 1e-4, or one count."""
    raw = torch.cartesian_prod(torch.logspace(3, 10, 8), torch.logspace(-3, 1, 5)).double()
    levels = (0.01, 0.1, 0.5, 0.9, 0.99)
    expected = NegativeBinomialHead(1, 1, levels).quantiles(raw)
    found = binomial_quantiles(levels, raw)
    assert (found - expected).abs().le((1e-4 * expected).clamp(min=1)).all()


@pytest.mark.parametrize(
    "options", [{"fill": "mask"}, {"irregular": True}, {"fill": "mask", "irregular": True}]
)
def test_missing_values_and_irregular_times(options):
    random = np.random.default_rng(0)
    hours = np.cumsum(random.integers(1, 4, 150)) if "irregular" in options else np.arange(150)
    times = pl.Series(np.datetime64("2024-01-01", "us") + hours * np.timedelta64(1, "h"))
    table = pl.DataFrame({"time": times, "value": 50 + 9 * np.sin(hours / 4) + random.normal(size=150)})
    if "fill" in options:
        table = table.with_columns(
            pl.when(pl.Series(random.random(150) > 0.4) | (times == times[0])).then("value")
        )
    model = gatewise.Forecaster(**SMALL, cell="gru", refit=False, **options).fit(table, target="value")
    deployed, context = TASK.deployed(model.model_), SMALL["context"]
    step = Step.named(deployed.description["step"])
    for end in (
        5,
        60,
        61,
        62,
        63,
    ):  # shorter than the context, and with missing values at the begin of a window
        table_so_far = table.head(end)
        while table_so_far["value"][-1] is None:
            table_so_far = table_so_far.head(table_so_far.height - 1)
        given = {name: one[None] for name, one in window_of(table_so_far, context, step, deployed).items()}
        with torch.no_grad():
            (found,) = deployed(**given)
        expected = model.predict(table_so_far).drop("series", "time", strict=False).to_numpy()
        np.testing.assert_allclose(np.sort(found[0], -1), np.sort(expected, -1), rtol=2e-6)


def window_of(table, context, step, deployed):
    """The raw inputs of the window at the end of a table of one series."""
    values = table["value"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    padding, first = max(context - len(values), 0), max(len(values) - context, 0)
    micros = step.extended(table["time"], len(values) + SMALL["horizon"]).to_physical().to_numpy()
    target = np.pad(values[first:], (padding, 0), mode="edge")
    known = np.flatnonzero(~np.isnan(values[:first]))
    found = {"target": target}
    if deployed.reader.inputs.masked:
        found["last"] = values[known[-1]] if len(known) else np.nan
        passed = first - known[-1] if len(known) else 0
        if deployed.reader.unit and len(known):
            passed = (micros[first] - micros[known[-1]]) / deployed.reader.unit
        found["since"] = float(passed)
    if deployed.reader.unit:
        found["times"] = np.pad(micros[max(first - 1, 0) :], (padding + (first == 0), 0), mode="edge")
    elif deployed.reader.cycles:
        found["times"] = np.pad(micros[first:] // 10**6, (padding, 0), mode="edge")
    return {name: torch.as_tensor(one) for name, one in found.items()}

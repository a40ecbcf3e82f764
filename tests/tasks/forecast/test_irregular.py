"""Forecasts at irregular times, from a table to predictions at times that are given or assumed."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
import torch

import gatewise
from gatewise.cells import GRU, PhasedLSTM
from gatewise.errors import GatewiseError
from gatewise.layers import Recurrent
from gatewise.modules.gap_inputs import DecayingWindow
from gatewise.tasks.forecast.decoder import EncoderDecoderForecastNetwork
from gatewise.tasks.forecast.forecaster import ForecastShape
from gatewise.tasks.forecast.network import ForecastNetwork
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import SavedModel
from tests.tasks.running import evaluate, execute


def table(steps=200):
    """A wave of a day at random times, and the next four of these without a value."""
    random = np.random.default_rng(0)
    seconds = np.cumsum(random.exponential(3600, steps + 4).astype(int) + 60)
    values = 10 + np.sin(2 * np.pi * seconds / 86400) + 0.1 * random.normal(size=steps + 4)
    return pl.DataFrame(
        {
            "time": [datetime(2024, 1, 1) + timedelta(seconds=int(one)) for one in seconds],
            "value": [*values[:steps], *[None] * 4],
        }
    )


def options(**given):
    return verb_options("train", TASK.options)(
        **{"horizon": 3, "context": 12, "hidden": 4, "epochs": 2, "irregular": True, **given}
    )


def test_the_window_of_gru_d_decays_by_elapsed_times():
    times = torch.tensor([0.0, 2, 3, 7, 7.5])
    observed = torch.tensor([1.0, 0, 0, 1, 0])
    elapsed = times.diff(prepend=times[:1])
    since = torch.tensor([0.0, 2, 3, 0, 0.5])  # the last value
    past = torch.stack([torch.arange(5.0), elapsed.log1p(), observed, since.log1p()], dim=-1)[None]
    _, before = DecayingWindow(irregular=True)(past, torch.zeros(()))
    torch.testing.assert_close(before[0, :, 0], torch.tensor([0.0, 2, 3, 7, 0.5]))


@pytest.mark.parametrize("network", [ForecastNetwork, EncoderDecoderForecastNetwork])
def test_a_cell_that_reads_times_gets_those_of_the_window_and_the_horizon(monkeypatch, network):
    seen, run = [], Recurrent.forward

    def forward(self, input, *rest, elapsed=None):
        seen.append(elapsed.flatten())
        return run(self, input, *rest, elapsed=elapsed)

    monkeypatch.setattr(Recurrent, "forward", forward)
    shape = ForecastShape(context=3, horizon=2, known=1, irregular=True)
    times, ahead = torch.tensor([1.0, 0.5, 3.0]), torch.tensor([2.0, 0.25])
    past = torch.stack([torch.rand(3), times.log1p()], dim=-1)[None]
    network(shape, PhasedLSTM, hidden=4)(past, ahead.log1p()[None, :, None])
    for found, expected in zip(seen, [times, ahead], strict=network is EncoderDecoderForecastNetwork):
        torch.testing.assert_close(found, expected)


def test_layers_with_dilations_get_no_times():
    with pytest.raises(GatewiseError, match="times between steps, which layers with --dilations do"):
        TASK.check(options(dilations=[1, 2]), PhasedLSTM)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"network": "encoder-decoder", "front": "convolution", "cell": "phased"},
        {"cell": "grud", "fill": "mask"},
    ],
    ids=["stack", "decoder", "grud"],
)
def test_irregular_times_go_all_the_way(tmp_path, given):
    path = tmp_path / "values.csv"
    table().drop_nulls().write_csv(path)
    ahead = table()["time"][-4:]
    with gatewise.backend("reference"):
        comparison = execute(TASK, "train", path, tmp_path / "run", options(**given))
        scores = {one.name: one.scores for one in comparison.results}
        assert "seasonal-naive" not in scores
        assert all(np.isfinite(list(one.values())).all() for one in scores.values())
        assert {one.name: one.scores for one in evaluate(TASK, tmp_path / "run", path).results} == scores
        model = gatewise.load(tmp_path / "run")
        assumed = model.prediction(path)
        assert "; times are assumed about 50 minutes apart, and --known-from gives others" in assumed.about
        last = table()["time"][-5]
        assert assumed.frame["time"].to_list() == [last + step * timedelta(minutes=50) for step in (1, 2, 3)]
        given_times = [
            model.prediction(path, known_from=pl.DataFrame({"time": ahead})),
            model.prediction(table()),
        ]
        assert "assumed" not in given_times[0].about
        assert given_times[0].frame.equals(given_times[1].frame)
        assert given_times[0].frame["time"].to_list() == ahead[:3].to_list()
        assert not given_times[0].frame["value"].equals(assumed.frame["value"])
        assert model.predict(path, samples=2).height == 6
        assert TASK.example(model.model_, path, 0).tracks[1].lines[0].name == "time since the step before"


def test_each_origin_knows_the_times_to_forecast(tmp_path):
    path = tmp_path / "series.csv"
    table().write_csv(path)
    data = TASK.read(path, options())
    network = TASK.network(data, options(), GRU)
    model = SavedModel("forecast", "gru", network, TASK.preprocessing(data, options()))
    with gatewise.backend("reference"):
        found = TASK.backtest(model, path, windows=2).table
        for steps, own in zip((194, 197), found.partition_by("origin"), strict=True):
            row = pl.int_range(pl.len())
            past = table()[: steps + 3].with_columns(value=pl.when(row < steps).then("value"))
            past.write_csv(tmp_path / "past.csv")
            expected = TASK.predict(model, tmp_path / "past.csv").frame
            assert own["time"].to_list() == expected["time"].to_list()
            np.testing.assert_allclose(own["predicted"], expected["value"], rtol=2e-6)


def test_a_model_of_dates_refuses_numbers(tmp_path):
    path = tmp_path / "series.csv"
    table().write_csv(path)
    data = TASK.read(path, options())
    model = SavedModel(
        "forecast", "gru", TASK.network(data, options(), GRU), TASK.preprocessing(data, options())
    )
    table().with_columns(time=pl.int_range(pl.len()) ** 2).write_csv(path)
    with pytest.raises(GatewiseError, match=r"trained on steps of about .* minutes; .* has steps of about"):
        TASK.predict(model, path)

"""What is not finite: no model of such weights is used, no such score ranked, no such prediction written."""

import csv

import numpy as np
import polars as pl
import pytest
import torch

from gatewise.cells import RNN
from gatewise.errors import DivergedError, GatewiseError
from gatewise.modules.beam_search import beam_search
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.generate.sampling import SamplingConfig, sample
from gatewise.tasks.options import verb_options
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from gatewise.training import commands as jobs
from gatewise.training import runs
from gatewise.training.fit import fit
from tests.series import Quiet, data, frame
from tests.training.test_fit import network, options

SMALL = {"horizon": 4, "context": 12, "hidden": 4, "epochs": 1, "min_steps_per_epoch": 1, "seeds": 1}


class Warned(Quiet):
    """A callback that remembers what it is warned of."""

    def __init__(self):
        super().__init__()
        self.warned = []

    def warn(self, sentence):
        self.warned.append(sentence)


@pytest.fixture
def model(tmp_path):
    """A folder with a forecasting model, never trained, and its data."""
    frame().write_csv(tmp_path / "values.csv")
    chosen = verb_options("train", TASK.options)(horizon=4, context=12, hidden=4)
    read = TASK.read(tmp_path / "values.csv", chosen)
    return SavedModel("forecast", "rnn", TASK.network(read, chosen, RNN), TASK.preprocessing(read, chosen))


def compared(folder, cells):
    run = runs.begin("compare", TASK, folder / "values.csv", compare_options(cells), folder / "run")
    runs.write(run)
    callback = Warned()
    comparison = jobs.compare(run, TASK.read(run.data, run.options), callback)
    return comparison, callback


def compare_options(cells):
    return verb_options("compare", TASK.options)(**SMALL, cells=cells)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
def test_a_model_with_infinite_parameters_is_refused(model, tmp_path, wrong):
    model.network.head.linear.bias.data[3] = wrong
    save_model(tmp_path / "saved", model)
    with pytest.raises(GatewiseError, match=r"holds (nan|inf|-inf) in 'head.linear.bias': train it again"):
        load_model(tmp_path / "saved")


def test_predictions_and_scores_that_overflow_are_an_error(model, tmp_path):
    for name, one in model.network.recurrent.named_parameters():
        one.data.fill_(100.0 if "bias" in name else 0.0)  # the four hidden are 1, and their sum overflows
    model.network.head.linear.weight.data[:, :4] = 1e38
    save_model(tmp_path / "saved", model)
    again = load_model(tmp_path / "saved")
    with pytest.raises(GatewiseError, match="the prediction of 'value' is nan in row 1"):
        TASK.predict(again, tmp_path / "values.csv")
    read = TASK.load_for_evaluation(again, tmp_path / "values.csv")
    with pytest.raises(GatewiseError, match="the MASE of rnn on the test set is nan"):
        jobs.evaluate(TASK, again, read, Quiet())


def test_a_prediction_that_is_not_finite_is_refused():
    Prediction(pl.DataFrame({"id": ["a", "b"], "p": [0.5, None]}), "two rows")
    with pytest.raises(GatewiseError, match="'p' is nan in row 2"):
        Prediction(pl.DataFrame({"id": ["a", "b"], "p": [0.5, float("nan")]}), "two rows")


def diverging(monkeypatch, *names):
    """Makes networks of these cells start from weights that are NaN."""
    made = type(TASK).network

    def network(self, data, options, cell):
        network = made(self, data, options, cell)
        if cell.__name__ in names:
            network.head.linear.weight.data.fill_(torch.nan)
        return network

    monkeypatch.setattr(type(TASK), "network", network)


def test_others_of_a_comparison_finish(monkeypatch, tmp_path):
    frame().write_csv(tmp_path / "values.csv")
    diverging(monkeypatch, "GRU")
    comparison, callback = compared(tmp_path, ("rnn", "gru"))
    assert {"rnn", "mlp", "naive", "ridge"} <= {one.name for one in comparison.results}
    assert "gru" not in {one.name for one in comparison.results}
    assert callback.warned == [
        "left out: the loss became nan at step 0; give a lower --learning-rate or --gradient-clip"
    ]
    with (tmp_path / "run" / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert np.isfinite([[float(row[one.name]) for one in TASK.metrics] for row in rows]).all()


def test_a_comparison_without_any_network_left_is_an_error(monkeypatch, tmp_path):
    frame().write_csv(tmp_path / "values.csv")
    diverging(monkeypatch, "RNN")
    with pytest.raises(DivergedError, match="the loss became nan"):
        compared(tmp_path, ("rnn",))


def test_a_baseline_without_finite_scores_is_left_out(monkeypatch, tmp_path):
    frame().write_csv(tmp_path / "values.csv")
    from gatewise.tasks.forecast.baselines import Ridge

    monkeypatch.setattr(Ridge, "point", lambda self, past, *others: past[:, :4, 0] * torch.nan)
    comparison, callback = compared(tmp_path, ("rnn",))
    assert "ridge" not in {one.name for one in comparison.results}
    assert callback.warned[0].startswith("left out: the pinball of ridge on the validation set is nan")


def test_a_validation_that_is_never_finite_ends_a_training(monkeypatch, tmp_path):
    prepared = data()
    trained = network(prepared)
    loss = type(trained).loss

    def overflowing(self, batch):
        return loss(self, batch) if self.training else loss(self, batch) * torch.nan

    monkeypatch.setattr(type(trained), "loss", overflowing)
    with pytest.raises(DivergedError, match="the validation loss was never finite in 1 epochs"):
        fit(trained, prepared.train, prepared.validation, options(epochs=3), tmp_path)


class Nowhere:
    """A model of symbols whose scores are NaN."""

    device = torch.device("cpu")

    def next(self, symbols, state):
        return torch.full((len(symbols), 5), torch.nan), state


def test_symbols_are_not_drawn_from_nan():
    with pytest.raises(GatewiseError, match="probabilities of the next symbol are not a number"):
        next(sample(Nowhere(), [1], SamplingConfig(), torch.Generator()))


def test_a_beam_does_not_follow_nan():
    def step(symbols, state):
        return torch.full((len(symbols), 5), torch.nan), state, None

    with pytest.raises(GatewiseError, match="scores of the next symbol are not a number"):
        beam_search(step, lambda state, rows: state, None, torch.tensor([3]), begin=0, end=1, beam=2)

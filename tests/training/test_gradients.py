"""The gradient through time during training: recorded, reported, and without influence on the training."""

from functools import partial

import polars as pl
import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from torch import nn
from torch.utils.data import DataLoader

from gatewise.cells import GRU
from gatewise.plots.gradient import draw_gradients
from gatewise.plots.saving import save_picture
from gatewise.tasks.forecast.network import ForecastNetwork, GridForecastNetwork
from gatewise.tasks.forecast.task import shape_of
from gatewise.tasks.options import TrainOptions
from gatewise.training.fit import fit
from gatewise.training.gradients import GradientWatch
from tests.series import data


def trained(folder, kind=None, warn=lambda sentence: None, show=lambda fraction, message: None, **more):
    options = TrainOptions(epochs=3, accelerator="cpu", **more)
    prepared = data()
    torch.manual_seed(0)
    make = kind or partial(ForecastNetwork, cell=GRU, dropout=0.2)
    network = make(shape_of(prepared), hidden=8, layers=2)
    fit(network, prepared.train, prepared.validation, options, folder, show, warn=warn)
    return network


def test_gradient_records_leave_a_training_unchanged_and_survive_a_resume(tmp_path):
    def cut(fraction, message):
        if fraction > 0.5:
            raise InterruptedError

    plain = trained(tmp_path / "plain")
    trained(tmp_path / "whole", watch_gradient=True)
    with pytest.raises(InterruptedError):
        trained(tmp_path / "cut", show=cut, watch_gradient=True)
    resumed = trained(tmp_path / "cut", watch_gradient=True)
    for ours, theirs in zip(resumed.parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    whole, cut_off = (pl.read_csv(tmp_path / name / "gradient.csv") for name in ("whole", "cut"))
    assert cut_off.equals(whole)
    steps = data().train[0].past.shape[0]
    assert len(whole) == 3 * 2 * steps  # epochs, layers, steps; a GRU has one state
    assert not (tmp_path / "plain" / "gradient.csv").exists()
    save_picture(draw_gradients({"gru": whole}), tmp_path / "gradient.png")
    assert (tmp_path / "gradient.png").stat().st_size > 10_000


def test_a_lattice_has_no_one_lag(tmp_path):
    warnings = []
    trained(tmp_path, GridForecastNetwork, warnings.append, watch_gradient=True)
    assert len(warnings) == 1
    assert "can't be recorded" in warnings[0]


def quiet_trainer(watch):
    return Trainer(
        accelerator="cpu", max_epochs=2, callbacks=[watch], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip


class OneStep(LightningModule):
    """A module that runs for one step."""

    def __init__(self):
        super().__init__()
        self.reader = nn.GRU(1, 2, batch_first=True)

    def training_step(self, batch, number):
        return self.reader(batch)[0].mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-6)


def test_one_step_has_no_lag(tmp_path):
    warnings = []
    watch = GradientWatch(
        tmp_path / "g.csv", lambda module, batch: module.training_step(batch, 0), warnings.append
    )
    quiet_trainer(watch).fit(OneStep(), DataLoader(torch.ones(4, 1, 1), batch_size=2))
    assert warnings == ["the gradient can't be recorded: every layer runs one step at a time"]
    assert not (tmp_path / "g.csv").exists()


class Users(LightningModule):
    """A module of a user's own, whose recurrent weight makes a gradient grow by a factor at each step."""

    def __init__(self, factor):
        super().__init__()
        self.reader = nn.RNN(1, 1, nonlinearity="relu", batch_first=True)
        with torch.no_grad():
            for value in self.reader.parameters():
                value.fill_(0.1)
            self.reader.weight_hh_l0.fill_(factor)

    def training_step(self, batch, number):
        return self.reader(batch)[0][:, -1].mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-6)


@pytest.mark.parametrize(("factor", "explodes"), [(1.5, True), (1.0, False)])
def test_an_explosion_is_reported_once_with_remedies(tmp_path, factor, explodes):
    warnings = []
    watch = GradientWatch(
        tmp_path / "g.csv", lambda module, batch: module.training_step(batch, 0), warnings.append
    )
    quiet_trainer(watch).fit(Users(factor), DataLoader(torch.ones(4, 20, 1), batch_size=2))
    assert len(warnings) == explodes
    if explodes:
        assert "layer 0, h (ReluRNN): the gradient explodes, 2,217 times larger 19 steps back" in warnings[0]
        assert "clip" in warnings[0]
    norms = pl.read_csv(tmp_path / "g.csv").filter(epoch=0)["norm"]
    fractions = norms / norms[0]
    assert fractions.to_list() == pytest.approx([factor**lag for lag in range(20)], rel=1e-5)

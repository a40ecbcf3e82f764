"""One training: it learns, keeps its best, and continues where it was cut off."""

import csv

import pytest
import torch
from pytorch_lightning import Callback
from torch import distributed

from gatewise.cells import GRU
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.network import ForecastNetwork
from gatewise.tasks.forecast.options import ForecastOptions
from gatewise.tasks.forecast.task import shape_of
from gatewise.tasks.options import TrainOptions, verb_options
from gatewise.training.fit import fit, fit_again
from gatewise.training.lightning import Lightning
from gatewise.training.module import Course
from tests.series import data


def options(**more):
    return TrainOptions(**{"epochs": 6, "learning_rate": 0.01, "accelerator": "cpu", **more})


def network(prepared):
    torch.manual_seed(0)
    return ForecastNetwork(shape_of(prepared), GRU, hidden=8, layers=2, dropout=0.2)


def rows(folder):
    with (folder / "metrics.csv").open() as file:
        return [
            {key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)
        ]


class CutError(Exception):
    """What ends a training early."""


def cut_after(fraction):
    def show(done, message):
        if done > fraction:
            raise CutError

    return show


@pytest.mark.parametrize(
    ("steps", "average", "fractions"),
    [
        (1, 0.0, (0.2, 0.45, 0.9)),
        pytest.param(14, 0.0, (0.45,), marks=pytest.mark.thorough),
        (1, 0.95, (0.45,)),
    ],
)
def test_an_interrupted_training_resumes_to_the_same_result(tmp_path, steps, average, fractions):
    prepared, chosen = data(), options(min_steps_per_epoch=steps, average=average)
    whole = network(prepared)
    fitted = fit(whole, prepared.train, prepared.validation, chosen, tmp_path / "whole")
    for fraction in fractions:
        cut, resumed = tmp_path / f"cut at {fraction}", network(prepared)
        with pytest.raises(CutError):
            fit(resumed, prepared.train, prepared.validation, chosen, cut, cut_after(fraction))
        again = network(prepared)
        torch.manual_seed(12345)  # whatever was drawn before must not matter
        fitted_again = fit(again, prepared.train, prepared.validation, chosen, cut)
        assert rows(cut) == rows(tmp_path / "whole")
        assert len(rows(cut)) == 6
        assert fitted_again.validation_loss == fitted.validation_loss
        for ours, theirs in zip(again.parameters(), whole.parameters(), strict=True):
            assert torch.equal(ours, theirs)


def test_the_moving_average_of_the_parameters_is_validated_and_kept(tmp_path):
    prepared, trained, steps = data(), network(data()), []

    class Recorder(Callback):
        def on_train_batch_end(self, trainer, pl_module, *given):
            steps.append([one.detach().clone() for one in pl_module.network.parameters()])

    fitted = fit(
        trained,
        prepared.train,
        prepared.validation,
        options(epochs=1, average=0.9),
        tmp_path,
        lightning=Lightning(callbacks=[Recorder()]),
    )
    averaged = steps[0]
    for number, current in enumerate(steps[1:], start=1):
        decay = min(0.9, (1 + number) / (10 + number))
        averaged = [decay * old + (1 - decay) * new for old, new in zip(averaged, current, strict=True)]
    for ours, expected, last in zip(trained.parameters(), averaged, steps[-1], strict=True):
        torch.testing.assert_close(ours.detach(), expected)
        assert not torch.equal(ours, last)
    with torch.inference_mode():
        loss = trained.loss(prepared.validation.all())
    assert fitted.validation_loss == pytest.approx(float(loss), rel=1e-5)


def limited(**more):
    own = verb_options("train", ForecastOptions)
    return own(horizon=4, learning_rate=0.01, accelerator="cpu", batch_size=8, **more)


@pytest.mark.parametrize(
    ("max_steps", "epochs", "steps"),
    [(60, 20, 3), (65, 21, 3), (65, 4, 3), (7, 7, 1), (400, 30, 13), (400, 4, 13)],
)
def test_a_training_has_a_limited_number_of_steps(tmp_path, max_steps, epochs, steps):
    prepared, output = data(), []
    assert len(prepared.train) == 97  # 13 batches
    chosen = limited(max_steps=max_steps, epochs=epochs, patience=100)

    def show(*one):
        output.append(one)

    fit(network(prepared), prepared.train, prepared.validation, chosen, tmp_path, show)
    assert len(rows(tmp_path)) == min(epochs, max_steps // steps)
    assert len(output) == len(rows(tmp_path)) * steps <= max_steps
    assert output[-1][0] == pytest.approx(1)
    (note,) = chosen.budget_notes(97)
    assert note.startswith(f"training: at most {len(output)} steps of 8 windows, in {len(rows(tmp_path))} ")
    assert ("draws" in note) == (steps < 13)


def test_an_interrupted_training_of_limited_steps_resumes_to_the_same_result(tmp_path):
    prepared, chosen = data(), limited(max_steps=60, epochs=6)
    whole, resumed, again = (network(prepared) for _ in range(3))
    fit(whole, prepared.train, prepared.validation, chosen, tmp_path / "whole")
    with pytest.raises(CutError):
        fit(resumed, prepared.train, prepared.validation, chosen, tmp_path / "cut", cut_after(0.6))
    fit(again, prepared.train, prepared.validation, chosen, tmp_path / "cut")
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")
    for ours, theirs in zip(again.parameters(), whole.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_training_that_had_ended_is_not_trained_on(tmp_path):
    prepared = data()
    chosen = options(epochs=60, patience=2, learning_rate=0.02)
    first, again = network(prepared), network(prepared)
    fitted = fit(first, prepared.train, prepared.validation, chosen, tmp_path)
    assert fitted.epochs < 60
    assert fit(again, prepared.train, prepared.validation, chosen, tmp_path) == fitted
    for ours, theirs in zip(again.parameters(), first.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_device_that_is_not_there(tmp_path):
    prepared = data()
    for wrong in ({"accelerator": "abacus"}, {"strategy": "hope"}, {"devices": 1000}):
        with pytest.raises(GatewiseError, match="can't train on accelerator="):
            fit(network(prepared), prepared.train, prepared.validation, options(**wrong), tmp_path)


def test_it_learns_stops_when_nothing_gets_better_and_keeps_the_best(tmp_path):
    prepared = data()
    model = network(prepared)
    before = model.eval().loss(prepared.validation.all()).item()
    chosen = options(epochs=60, patience=3, learning_rate=0.02)
    fitted = fit(model, prepared.train, prepared.validation, chosen, tmp_path)
    losses = [float(row["validation_loss"]) for row in rows(tmp_path)]
    assert fitted.epochs == len(losses) < 60
    assert fitted.validation_loss == min(losses) < 0.7 * before
    assert losses.index(min(losses)) == len(losses) - 1 - 3
    now = model.loss(prepared.validation.all()).item()
    assert abs(now - fitted.validation_loss) < 0.02 * fitted.validation_loss


@pytest.mark.parametrize(("steps", "repeats"), [(13, 1), (14, 2), (27, 3)])
def test_an_epoch_has_a_minimum_number_of_steps(tmp_path, steps, repeats):
    prepared, output = data(), []
    assert len(prepared.train) == 97  # 13 batches
    chosen = options(epochs=1, min_steps_per_epoch=steps, batch_size=8)
    fit(
        network(prepared),
        prepared.train,
        prepared.validation,
        chosen,
        tmp_path,
        lambda *one: output.append(one),
    )
    assert len(output) == 13 * repeats
    assert output[-1][0] == 1


def test_the_norm_of_the_gradient_is_logged_as_it_was_before_clipping(tmp_path):
    prepared = data()
    chosen = options(epochs=1, gradient_clip=1e-9)
    fit(network(prepared), prepared.train, prepared.validation, chosen, tmp_path)
    assert float(rows(tmp_path)[0]["gradient_norm"]) > 1e-3


def test_checkpoints_load_without_executing_anything(tmp_path):
    prepared = data()
    fit(network(prepared), prepared.train, prepared.validation, options(epochs=2), tmp_path)
    for name in ("best", "last"):
        assert torch.load(tmp_path / "checkpoints" / f"{name}.ckpt", weights_only=True)["epoch"] in (0, 1)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2


def test_a_loss_of_nan_ends_the_training_with_advice(tmp_path):
    prepared = data()
    model = network(prepared)
    with torch.no_grad():
        model.head.linear.bias.fill_(torch.nan)
    with pytest.raises(GatewiseError, match="the loss became nan at step 0; give a lower --learning-rate"):
        fit(model, prepared.train, prepared.validation, options(), tmp_path)


def test_a_step_of_training_flushes_subnormal_numbers_and_nothing_after_it_does(tmp_path, monkeypatch):
    prepared, chosen = data(), options(epochs=1)
    trained, seen = network(prepared), []
    step = torch.optim.AdamW.step

    def watched(self, closure=None):
        loss = step(self, closure)
        tiny = torch.full((1_000_000,), 1e-39)  # enough for all threads
        seen.append(bool((tiny * 1.0).view(torch.int32).eq(0).all()))
        return loss

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    fit(trained, prepared.train, prepared.validation, chosen, tmp_path)
    assert seen
    assert all(seen)
    assert not (torch.full((1_000_000,), 1e-39) * 1.0).view(torch.int32).eq(0).any()


def test_a_training_on_other_data_is_that_of_the_steps_before_and_needs_no_process_group(tmp_path):
    """The other processes of a training have ended when it is repeated, and their group can't be used."""
    prepared, chosen = data(), options(schedule="cosine", devices=2)
    course = Course.of(chosen, len(prepared.train), (0.01, 0.008, 0.005))
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    again = network(prepared)
    fit_again(again, prepared.train.joined(prepared.validation), chosen, course, tmp_path / "again")
    assert not distributed.is_initialized()
    assert len(rows(tmp_path / "again")) == 3
    one = network(prepared)
    fitted = fit(one, prepared.train, prepared.validation, options(schedule="cosine"), tmp_path / "one")
    first = rows(tmp_path / "one")[: len(fitted.learning_rates)]
    assert [float(row["learning_rate"]) for row in first] == list(fitted.learning_rates)
    for row, other in zip(rows(tmp_path / "again"), rows(tmp_path / "one"), strict=False):
        assert float(row["learning_rate"]) == pytest.approx(float(other["learning_rate"]))

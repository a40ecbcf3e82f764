"""A model's files: whole, harmless, and the same model again."""

import json

import pytest
import torch

from gatewise.cells import LSTM, Cell, R, W, prev, sigmoid, tanh, x
from gatewise.errors import GatewiseError
from gatewise.networks.forecast.baselines import Naive, Ridge, WindowMLP
from gatewise.networks.forecast.forecaster import ForecastShape
from gatewise.networks.forecast.recurrent import ForecastNetwork, GridForecastNetwork
from gatewise.networks.saving import SavedModel, load_model, save_model

SHAPE = ForecastShape(context=6, horizon=3, period=2, known=1)


class Own(Cell):
    """A cell that no catalogue knows."""

    state = ("h",)
    f = sigmoid(W.f @ x + R.f @ prev.h)
    h = f * prev.h + (1 - f) * tanh(W.g @ x)


def saved(network):
    return SavedModel("forecast", "mine", network, {"plan": {"horizon": 3}, "columns": ["t", "y"]})


@pytest.mark.parametrize(
    "network",
    [
        ForecastNetwork(SHAPE, LSTM, hidden=4, layers=2),
        ForecastNetwork(SHAPE, Own, hidden=4, head="student-t"),
        GridForecastNetwork(SHAPE, hidden=4, layers=2),
        GridForecastNetwork(SHAPE, "gru", hidden=4, layers=3, tied=False, head="student-t"),
        WindowMLP(SHAPE, hidden=7),
        Ridge(SHAPE),
        Naive(SHAPE),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_model_comes_back_as_it_was(tmp_path, network):
    model = saved(network.eval())
    save_model(tmp_path, model)
    again = load_model(tmp_path)
    for field in ("task", "name", "reading"):
        assert getattr(again, field) == getattr(model, field)
    assert type(again.network) is type(network)
    past, future = torch.randn(2, 6, 2), torch.randn(2, 3, 1)
    assert torch.equal(again.network(past, future), network(past, future))
    assert not again.network.training
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


@pytest.fixture
def folder(tmp_path):
    save_model(tmp_path, saved(ForecastNetwork(SHAPE, LSTM, hidden=4)))
    return tmp_path


def damaged(folder, change):
    path = folder / "model.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(format=99), "is of a later gatewise"),
        (lambda data: data.update(format=1), "is of an earlier gatewise; train it again"),
        (lambda data: data.pop("reading"), "can't be read: 'reading'"),
        (lambda data: data.update(kind="forecast.Pickle"), "no kind of network 'forecast.Pickle'"),
        (lambda data: data.update(kind="forecast.GatewiseError"), "no kind of network 'forecast.Gate"),
        (
            lambda data: data.update(kind="os.system"),
            "can't be read: there is no kind of network 'os.system'",
        ),
        (lambda data: data.update(kind="..files.Path"), "there is no kind of network '..files.Path'"),
        (lambda data: data["options"].update(hidden=5), "can't be read: .*size mismatch"),
        (
            lambda data: data["options"]["cell"]["lines"].update(i=["eval", ["x"]]),
            "there is no function 'eval'",
        ),
    ],
)
def test_damage_is_told_in_one_line(folder, change, message):
    damaged(folder, change)
    with pytest.raises(GatewiseError, match=f"(?s){message}"):
        load_model(folder)


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_file_that_is_missing_or_cut(folder, name):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(GatewiseError, match="can't be read"):
        load_model(folder)
    (folder / name).unlink()
    with pytest.raises(GatewiseError, match=f"there is no {name} in"):
        load_model(folder)

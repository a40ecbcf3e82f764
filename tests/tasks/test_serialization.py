"""A model's files: whole, harmless, and the same model again."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from gatewise.cells import HGRN2, LSTM, Cell, R, W, prev, sigmoid, tanh, x
from gatewise.errors import GatewiseError
from gatewise.layers import quantize
from gatewise.plain import LARGEST
from gatewise.tasks.forecast.baselines import Naive, Ridge, WindowMLP
from gatewise.tasks.forecast.forecaster import ForecastShape
from gatewise.tasks.forecast.network import ForecastNetwork, GridForecastNetwork
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from gatewise.tasks.upgrades import FORMAT

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
        ForecastNetwork(SHAPE, HGRN2, hidden=4, heads=2),
        GridForecastNetwork(SHAPE, hidden=4, layers=2),
        GridForecastNetwork(SHAPE, "gru", hidden=4, layers=3, tied=False, head="student-t"),
        WindowMLP(SHAPE, hidden=7),
        ForecastNetwork(SHAPE, LSTM, hidden=4, dependence=True, anchor=True),
        ForecastNetwork(
            SHAPE, LSTM, hidden=4, head="negative-binomial", normalization="mean", levels=(0.05, 0.5)
        ),
        ForecastNetwork(SHAPE, LSTM, hidden=4, head="tweedie", normalization="mean", levels=(0.5, 0.9)),
        Ridge(SHAPE),
        Naive(SHAPE),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_saved_model_is_loaded_unchanged(tmp_path, network):
    model = saved(network.eval())
    save_model(tmp_path, model)
    again = load_model(tmp_path)
    for field in ("task", "name", "preprocessing"):
        assert getattr(again, field) == getattr(model, field)
    assert type(again.network) is type(network)
    past, future = torch.randn(2, 6, 2), torch.randn(2, 3, 1)
    assert torch.equal(again.network(past, future), network(past, future))
    assert not again.network.training


@pytest.mark.parametrize(
    "make",
    [
        lambda: ForecastNetwork(SHAPE, LSTM, hidden=16, layers=2),
        lambda: GridForecastNetwork(SHAPE, hidden=16, layers=2),
    ],
    ids=["layers", "grid"],
)
def test_a_quantized_model_is_saved_and_loaded(tmp_path, make):
    network = quantize(make())
    save_model(tmp_path, saved(network))
    stored = load_file(tmp_path / "model.safetensors")
    assert {one.dtype for one in stored.values()} == {torch.int8, torch.float32}
    again = load_model(tmp_path).network
    past, future = torch.randn(2, 6, 2), torch.randn(2, 3, 1)
    assert torch.equal(again(past, future), network(past, future))
    with pytest.raises(GatewiseError, match="has int8 weights, for inference only"):
        again.train()
    name = next(name for name, one in stored.items() if one.dtype == torch.int8)
    save_file({**stored, name: stored[name].float()}, tmp_path / "model.safetensors")
    with pytest.raises(GatewiseError, match="can't be read"):
        load_model(tmp_path)
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
        (lambda data: data.pop("preprocessing"), "can't be read: 'preprocessing'"),
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
def test_damage_is_reported_in_one_line(folder, change, message):
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


@pytest.mark.parametrize(
    "change",
    [
        {"hidden": 10**12}, {"hidden": -1}, {"hidden": 4.0}, {"hidden": "4"}, {"hidden": True},
        {"hidden": None}, {"layers": 10**9}, {"layers": 0}, {"layers": 3}, {"dropout": 1.5},
        {"dropout": "0"}, {"head": "x"}, {"head": None}, {"front": "x"}, {"cell": None}, {"cell": []},
        {"shape": None}, {"more": 1},
        {"shape": {"context": 6, "horizon": 3, "period": 2, "known": 1, "observed": 0, "more": 0}},
        {"shape": {"context": 6, "horizon": 10**9, "period": 2, "known": 1, "observed": 0}},
        {"shape": {"context": 6, "horizon": 3, "period": 2, "known": -1, "observed": 0}},
    ],
    ids=str,
)  # fmt: skip
def test_options_that_no_constructor_would_take(folder, change):
    damaged(folder, lambda data: data["options"].update(change))
    with pytest.raises(GatewiseError) as raised:
        load_model(folder)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("layers", [1, 1000])
def test_a_depth_without_weights_of_its_own_is_bounded_too(tmp_path, layers):
    save_model(tmp_path, saved(GridForecastNetwork(SHAPE, hidden=4, layers=2)))
    damaged(tmp_path, lambda data: data["options"].update(layers=layers))
    load_model(tmp_path)
    damaged(tmp_path, lambda data: data["options"].update(layers=layers * 1001))
    with pytest.raises(GatewiseError, match="'layers': input should be less than or equal to 1000"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text.replace('"preprocessing"', '"preprocessing": {}, "preprocessing"'),
            "has the key 'preprocessing' twice",
        ),
        (lambda text: text.replace('"horizon": 3', '"horizon": NaN', 1), "expected finite numbers, got NaN"),
        (lambda text: text.replace('"horizon": 3', '"horizon": 1e999', 1), "finite numbers, got 1e9"),
        (lambda text: text.replace('"horizon": 3', '"horizon": ' + "9" * 9999, 1), "at most 20 digits"),
        (lambda text: text.replace('"horizon": 3', '"horizon": ' + "[" * 99999, 1), "nested too deep"),
        (lambda text: "[" + text + "]", "can't be read"),
        (lambda text: "\ufeff" + text, "can't be read"),
        (lambda text: text + " " * LARGEST, "larger than 64 MiB"),
        (lambda text: text.replace(f'"format": {FORMAT}', '"format": true'), "earlier|'format': input"),
        (lambda text: text.replace('"task": "forecast"', '"task": ["forecast"]'), "'task': input should be"),
    ],
)  # fmt: skip
def test_json_that_is_not_plain(folder, change, message):
    path = folder / "model.json"
    path.write_text(change(path.read_text()))
    with pytest.raises(GatewiseError, match=message) as raised:
        load_model(folder)
    assert "\n" not in str(raised.value)
    path.write_bytes(path.read_text().encode("utf-16"))
    with pytest.raises(GatewiseError, match="can't be read"):
        load_model(folder)


def first(tensors):
    return next(iter(tensors))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda held: held.pop(first(held)), "Missing key"),
        (lambda held: held.update(more=torch.ones(2)), "Unexpected key"),
        (
            lambda held: held.update({first(held): held[first(held)].double()}),
            "as torch.float32, got torch.float64",
        ),
        (
            lambda held: held.update({first(held): held[first(held)].long()}),
            "as torch.float32, got torch.int64",
        ),
        (lambda held: held.update({first(held): held[first(held)].half()}), "as torch.float32, got None"),
        (lambda held: held.update({first(held): held[first(held)][1:]}), "size mismatch"),
        (lambda held: held[first(held)].view(-1)[0].fill_(torch.nan), "holds nan"),
        (lambda held: held["head.linear.bias"][0].fill_(torch.inf), "holds inf"),
    ],
)
def test_parameters_that_do_not_fit_the_options(folder, change, message):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file({name: one.contiguous() for name, one in tensors.items()}, folder / "model.safetensors")
    with pytest.raises(GatewiseError, match=message) as raised:
        load_model(folder)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "kind", ["forecast.PointForecast", "forecast.HeadedForecaster", "classify.Classifier"]
)
def test_an_abstract_class_is_refused(folder, kind):
    damaged(folder, lambda data: data.update(kind=kind))
    with pytest.raises(GatewiseError, match="can't be read"):
        load_model(folder)

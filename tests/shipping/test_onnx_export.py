"""Models as ONNX files: the numbers of `predict` in onnxruntime, the description, and errors."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

import gatewise
from gatewise.errors import GatewiseError
from gatewise.shipping.onnx import export
from gatewise.tasks.classify.data import Preprocessing
from gatewise.tasks.classify.task import TASK as CLASSIFY
from gatewise.tasks.preprocessing import load_preprocessing
from tests.series import frame
from tests.tasks.classify.test_deploy import sequences
from tests.tasks.forecast.raw import raw_inputs
from tests.tasks.forecast.test_deploy import SMALL
from tests.tasks.sequence_rows import raw_sequences

onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install 'gatewise[onnx]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'gatewise[onnx]'")


@pytest.fixture(scope="module")
def forecaster(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "values.csv"
    frame().write_csv(path)
    return gatewise.Forecaster(**SMALL, cell="lstm").fit(path, target="value"), path


def run(path, given):
    """The results of a file by their names."""
    session = onnxruntime.InferenceSession(path)
    about = json.loads(path.with_suffix(".json").read_text())
    names = [field["name"] for field in about["results"]]
    fed = {field["name"]: given[field["name"]].numpy().astype(field["dtype"]) for field in about["inputs"]}
    return dict(zip(names, session.run(names, fed), strict=True)), about


def test_a_forecaster_in_onnxruntime(tmp_path, forecaster):
    model, data = forecaster
    files = model.export(tmp_path / "model.onnx")
    assert files.size == files.model.stat().st_size
    assert str(files).startswith(f"{tmp_path / 'model.onnx'} and model.json: ")
    found, about = run(tmp_path / "model.onnx", raw_inputs(model.model_, data))
    expected = model.predict(data)
    assert about["levels"] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    np.testing.assert_allclose(found["quantiles"][0, :, 4], expected["value"], rtol=1e-5)
    np.testing.assert_allclose(found["quantiles"][0, :, 8], expected["q0.9"], rtol=1e-5)
    given = raw_inputs(model.model_, data)
    given["target"] = given["target"].clone()
    given["target"][0, 2] = np.nan
    assert np.isnan(run(tmp_path / "model.onnx", given)[0]["quantiles"]).all()


def test_int8_weights_take_less_memory_and_change_little(tmp_path, forecaster):
    model, data = forecaster
    files = model.export(tmp_path / "model.onnx", quantize="int8")
    assert files.size < files.float_size
    assert 0 < files.int8_error < 0.1
    assert "int8 weights of" in str(files)
    found, _ = run(tmp_path / "model.onnx", raw_inputs(model.model_, data))
    np.testing.assert_allclose(found["quantiles"][0, :, 4], model.predict(data)["value"], rtol=0.05)


@pytest.mark.thorough
def test_a_hybrid_classifier_in_onnxruntime(tmp_path):
    check_classifier(tmp_path, {})


def test_a_classifier_in_onnxruntime(tmp_path):
    check_classifier(tmp_path, {"network": "stack", "ensemble": 2})


def check_classifier(tmp_path, options):
    arrays, y = sequences()
    model = gatewise.Classifier(cell="gru", hidden=4, epochs=1, progress=False, **options).fit(arrays, y)
    model.export(tmp_path / "model.onnx", "onnx")
    path, _ = CLASSIFY.write(arrays, y, tmp_path, "NTC")
    given = raw_sequences(load_preprocessing(Preprocessing, model.model_), path)
    found, about = run(tmp_path / "model.onnx", given)
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(arrays), atol=1e-4)
    assert about["classes"] == ["fast", "slow"]
    given["values"][1, 2, 0] = np.nan  # whose layers take it for a number
    missing = np.isnan(run(tmp_path / "model.onnx", given)[0]["probabilities"])
    assert missing.all(axis=1).tolist() == missing.any(axis=1).tolist() == [one == 1 for one in range(40)]


def test_a_graph_with_other_results_is_not_written(tmp_path, forecaster, monkeypatch):
    model, _ = forecaster
    monkeypatch.setattr(export, "largest_difference", lambda *_: 2e-5)
    with pytest.raises(
        GatewiseError, match=r"differ from those of the model by 2.0e-05 of .* nothing was written"
    ):
        model.export(tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_mistakes_are_one_line(tmp_path, forecaster, monkeypatch):
    model, _ = forecaster
    with pytest.raises(GatewiseError, match=r"there is no format for '.*model.pb' to export to; give one of"):
        model.export(tmp_path / "model.pb")
    with pytest.raises(GatewiseError, match="there is no format 'tflite' to export to"):
        model.export(tmp_path / "model.onnx", "tflite")
    with pytest.raises(GatewiseError, match=r"expected the path of an ONNX file, such as model\.onnx"):
        model.export(tmp_path / "model", "onnx")
    with pytest.raises(GatewiseError, match='expected quantize as "int8" or None, got 4'):
        model.export(tmp_path / "model.onnx", quantize=4)
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnxscript" else find_spec(name))
    with pytest.raises(GatewiseError, match=r"needs onnxscript: pip install 'gatewise\[onnx\]'"):
        model.export(tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_something_else_is_not_replaced(tmp_path, forecaster):
    model, _ = forecaster
    (tmp_path / "model.json").write_text('{"mine": 1}')
    for name in ("model.onnx", "model.pt2"):
        with pytest.raises(GatewiseError, match="was not written by an export: move it"):
            model.export(tmp_path / name)
    assert [one.name for one in tmp_path.iterdir()] == ["model.json"]

"""`gatewise export` from a shell: the files it writes, and mistakes in one line."""

import json

import pytest

from gatewise.cli.main import main


@pytest.fixture
def export(folder, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        with pytest.raises(SystemExit) as end:
            main(["export", str(folder / name), *map(str, arguments)])
        printed = capsys.readouterr()
        return end.value.code, printed.out, printed.err

    return run


def test_onnx_beside_its_description(export, tmp_path):
    pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'gatewise[onnx]'")
    code, out, err = export("run", "--to", "onnx")
    assert (code, err) == (0, "")
    assert out.startswith("wrote model.onnx and model.json: ")
    assert json.loads((tmp_path / "model.json").read_text())["task"] == "forecast"
    assert {one.name for one in tmp_path.iterdir()} == {"model.onnx", "model.json"}


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("naive", ("--to", "onnx"), "this forecaster can't be exported: it is a baseline; give a network"),
        ("run", ("--to", "tflite"), "'tflite' is not"),
        ("run", ("--to", "onnx", "--out", "model.txt"), "such as model.onnx, got 'model.txt'"),
        ("absent", ("--to", "onnx"), "absent"),
    ],
)
def test_mistakes(export, tmp_path, name, arguments, message):
    code, _, err = export(name, *arguments)
    assert code == 2
    assert message in err
    assert list(tmp_path.iterdir()) == []

"""`gatewise predict --samples`: paths in a file, for forecasts alone."""

import polars as pl
import pytest

from gatewise.cells import LSTM
from gatewise.cli.main import main
from gatewise.data.tokenizers.streams import Characters
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.generate.language import LanguageModel
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import SavedModel, save_model
from tests.series import frame


@pytest.fixture
def predict(monkeypatch, tmp_path, capsys):
    """Runs `gatewise predict` in a folder with a model of a series, not trained, and one of a text."""
    monkeypatch.chdir(tmp_path)
    frame(steps=90).write_csv("series.csv")
    options = verb_options("train", TASK.options)(horizon=4, hidden=2)
    data = TASK.read(tmp_path / "series.csv", options)
    preprocessing = TASK.preprocessing(data, options)
    save_model("run", SavedModel("forecast", "lstm", TASK.network(data, options, LSTM), preprocessing))
    letters = Characters("ab")
    text = LanguageModel(LSTM, len(letters), hidden=2)
    save_model("text", SavedModel("generate", "lstm", text, {"tokenizer": letters.to_data()}))

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["predict", *arguments])
        return end.value.code, " ".join("".join(capsys.readouterr()).split())

    return run


def test_paths_are_written(predict):
    code, output = predict("run", "series.csv", "--out", "paths.csv", "--samples", "5", "--seed", "3")
    assert code == 0
    assert output == "wrote paths.csv: 20 rows from 1997-07-01 to 1997-10-01; 5 sample paths of each series"
    paths = pl.read_csv("paths.csv")
    assert paths.columns == ["series", "month", "sample", "value"]
    assert paths["sample"].to_list() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4
    assert paths["month"][:4].to_list() == ["1997-07", "1997-08", "1997-09", "1997-10"]


def test_other_models_have_no_paths(predict):
    code, output = predict("text", "series.csv", "--out", "paths.csv", "--samples", "5")
    assert code != 0
    assert "--samples is for a forecaster, and 'text' has a model of the task 'generate'" in output

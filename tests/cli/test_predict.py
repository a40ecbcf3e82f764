"""`gatewise predict --samples` and `--known-from`: for forecasts alone."""

from pathlib import Path

import polars as pl
import pytest

import gatewise
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


def test_known_covariates_of_another_file(predict):
    """The prices of the next four months, as they are in the data and in a scenario."""
    price = pl.int_range(pl.len()) % 3 * 1.0
    whole = frame(steps=94).with_columns(price=price)
    past, future = whole.head(90), whole.tail(4).drop("value")
    past.write_csv("past.csv")
    future.write_csv("future.csv")
    whole.with_columns(value=pl.when(pl.int_range(pl.len()) < 90).then("value")).write_csv("whole.csv")
    options = verb_options("train", TASK.options)(horizon=4, hidden=2, known=("price",), target="value")
    data = TASK.read(Path("past.csv"), options)
    after = [TASK.command_after(TASK.read(Path(name), options)) for name in ("past.csv", "whole.csv")]
    assert [command.endswith("--out forecast.csv --known-from future.csv") for command in after] == [
        True,
        False,
    ]
    network = TASK.network(data, options, LSTM)
    save_model("priced", SavedModel("forecast", "lstm", network, TASK.preprocessing(data, options)))
    assert predict("priced", "whole.csv", "--out", "a.csv")[0] == 0
    code, output = predict("priced", "past.csv", "--out", "b.csv", "--known-from", "future.csv")
    assert (code, output[:35]) == (0, "wrote b.csv: 4 rows from 1997-07-01")
    assert pl.read_csv("a.csv").equals(pl.read_csv("b.csv"))
    model = gatewise.load("priced")
    dearer = future.with_columns(pl.col("price") + 5)
    found = model.predict(past, known_from=dearer)
    assert found["month"].to_list() == future["month"].to_list()
    assert (found["value"] != pl.read_csv("b.csv")["value"]).all()
    assert model.predict(past, known_from=dearer, samples=3).height == 12
    code, output = predict("priced", "past.csv", "--out", "b.csv")
    assert code != 0
    assert output.endswith("a horizon of 4 needs price for as many, in the file or with --known-from")
    code, output = predict("run", "series.csv", "--out", "b.csv", "--known-from", "future.csv")
    assert code != 0
    assert "the series have no known covariates; predict without --known-from, got 'future.csv'" in output
    code, output = predict("text", "series.csv", "--out", "b.csv", "--known-from", "future.csv")
    assert "--known-from is for a forecaster, and 'text' has a model of the task 'generate'" in output
    code, output = predict("priced", "past.csv", "--out", "future.csv", "--known-from", "future.csv")
    assert "other than the future, 'future.csv'" in output


def test_a_folder_is_filled_in_batches(predict):
    one = frame(steps=90)
    both = pl.concat([one.with_columns(id=pl.lit(name)) for name in "ab"])
    both.write_parquet("both.parquet")
    options = verb_options("train", TASK.options)(horizon=4, hidden=2, id="id")
    data = TASK.read(Path("both.parquet"), options)
    model = SavedModel(
        "forecast", "lstm", TASK.network(data, options, LSTM), TASK.preprocessing(data, options)
    )
    save_model("many", model)
    code, output = predict("many", "both.parquet", "--out", "forecasts", "--rows", "90")
    assert (code, output[-50:]) == (0, "wrote forecasts: 8 rows of predictions in Parquet files"[-50:])
    assert pl.read_parquet("forecasts/part-*.parquet")["id"].unique().sort().to_list() == ["a", "b"]
    code, output = predict("many", "both.parquet", "--out", "forecasts", "--samples", "3")
    assert code != 0
    assert "--samples and --known-from are for a file as --out, such as forecast.parquet" in output
    code, output = predict("many", "both.parquet", "--out", "f.csv", "--rows", "9")
    assert "--rows is for a folder as --out, which is filled in batches, got 'f.csv'" in output
    code, output = predict("run", "series.csv", "--out", "other")
    assert "a column that identifies series (--id)" in output

"""`gatewise backtest`: what is printed and written, and what is refused."""

import polars as pl

from gatewise.cells import LSTM
from gatewise.data.tokenizers.streams import Characters
from gatewise.tasks.generate.language import LanguageModel
from gatewise.tasks.serialization import SavedModel, save_model


def test_scores_a_verdict_and_files(gatewise, folder):
    ended = gatewise("backtest", folder / "run", folder / "series.csv", "--windows", "3", "--out", "found")
    assert ended.returncode == 0, ended.stderr
    assert "3 origins, 4 steps apart, from 2002-04-01 to 2002-12-01; a horizon of 4 steps" in ended.stdout
    assert "seasonal-naive *" in ended.stdout
    assert "lstm: by step of the horizon" in ended.stdout
    assert "(Diebold-Mariano test, corrected for few origins:" in ended.stdout
    for name in ("forecasts.csv", "scores.csv", "forecasts.png", "errors.png"):
        assert f"  {name}" in ended.stdout
    forecasts = pl.read_csv("found/forecasts.csv")
    assert forecasts["origin"].unique(maintain_order=True).to_list() == ["2002-04", "2002-08", "2002-12"]
    assert forecasts["time"].to_list()[-1] == "2003-04"
    scores = pl.read_csv("found/scores.csv")
    assert scores.columns[:4] == ["model", "step", "series", "mase"]
    again = gatewise("backtest", folder / "run", folder / "series.csv", "--out", "found")
    assert again.returncode == 0, again.stderr


def test_windows_that_were_trained_on_are_named(gatewise, folder):
    ended = gatewise("backtest", folder / "run", folder / "series.csv", "--windows", "9")
    assert "backtest: 3 of 9 windows overlap the data that the model was trained on" in ended.stdout


def test_what_is_refused(gatewise, folder, tmp_path):
    run, series = folder / "run", folder / "series.csv"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "scores.csv").write_text("mine\n")
    letters = Characters("ab")
    text = LanguageModel(LSTM, len(letters), hidden=2)
    save_model("text", SavedModel("generate", "lstm", text, {"tokenizer": letters.to_data()}))
    for arguments, message in (
        ((run, series, "--out", series), "expected --out as a folder, got the file"),
        ((run, series, "--out", run), "outside the run"),
        ((run, series, "--out", "other"), "exists and was not written by gatewise"),
        ((run, series, "--windows", "0"), "Invalid value for '--windows'"),
        ((run, series, "--windows", "50"), "give fewer --windows, a shorter --step, or more data"),
        ((run, series, "--refit"), "the model was saved without the options of its training"),
        (("text", series), "a backtest is for a forecaster, and 'text' has a model of the task 'generate'"),
    ):
        ended = gatewise("backtest", *arguments)
        assert ended.returncode == 2, ended.stdout
        assert message in ended.stderr

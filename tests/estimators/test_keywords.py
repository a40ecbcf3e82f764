"""Errors name options as keyword arguments in Python, and as options in a shell."""

import datetime
from contextlib import nullcontext

import numpy as np
import polars as pl
import pytest

import gatewise
from gatewise.errors import GatewiseError
from gatewise.estimators.keywords import as_keywords
from gatewise.estimators.reporting import reported
from gatewise.tasks import find_task

FIELDS = find_task("forecast").options.model_fields
SMALL = {"horizon": 2, "hidden": 2, "max_steps": 1, "progress": False}


def gap():
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=number) for number in range(60)]
    return pl.DataFrame({"day": days, "sold": range(60)}).filter(pl.col("sold") != 20)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("give --context of at least 3", "give context of at least 3"),
        ("choose --hidden 64, or --dropout 0.5.", "choose hidden=64, or dropout=0.5."),
        ("with --time DAY,CLOCK; --id adds one", 'with time="DAY,CLOCK"; id adds one'),
        ("such as --time-format '%d.%m.%Y %H'", "such as time_format='%d.%m.%Y %H'"),
        ("leave --known-from out", "leave known_from out"),
        ("leave out --header (it has no names)", "leave out header (it has no names)"),
        ("--header takes it as names", "header=True takes it as names"),
        ("nothing to change", "nothing to change"),
    ],
)
def test_options_become_keywords(message, expected):
    assert as_keywords(message, FIELDS) == expected


def test_python_names_keywords_and_a_shell_options(tmp_path, monkeypatch, capsys):
    from gatewise.cli.main import main

    gap().write_csv(tmp_path / "sales.csv")
    for data in (gap(), str(tmp_path / "sales.csv")):
        with pytest.raises(GatewiseError, match='fill="linear"') as refused:
            gatewise.Forecaster(**SMALL).fit(data)
        assert "--" not in str(refused.value)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["train", "forecast", "sales.csv", "--horizon", "2"])
    assert "--fill linear" in capsys.readouterr().err
    with pytest.raises(GatewiseError, match='fill="linear"'):  # again, after a command
        gatewise.Forecaster(**SMALL).fit(gap())


def test_notes_and_warnings_name_keywords_too(capsys):
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=number) for number in range(60)]
    table = pl.DataFrame({"day": days, "sold": range(60), "visits": range(60)})
    note = "not used: 'visits'; known or observed adds them"
    assert note in gatewise.look(table, target="sold").notes
    model = gatewise.Forecaster(**{**SMALL, "progress": True}, baselines=False).fit(table, target="sold")
    assert note in model.notes_
    printed = " ".join(capsys.readouterr().out.split())
    assert note in printed
    assert "--" not in printed
    for shown in (True, False):
        with (
            nullcontext() if shown else pytest.warns(UserWarning, match='^give fill="linear"$'),
            reported(shown, find_task("forecast").options) as callback,
        ):
            callback.warn("give --fill linear")
    assert 'give fill="linear"' in capsys.readouterr().out


def test_an_option_of_another_task_is_named_as_it_was_given(tmp_path, monkeypatch, capsys):
    from gatewise.cli.main import main

    np.savez(tmp_path / "sets.npz", X=np.zeros((12, 3, 1)), y=np.eye(12, 2, dtype=int))
    with pytest.raises(GatewiseError, match="Classifier has no option 'patch' for this data; the"):
        gatewise.Classifier(patch=2).fit(tmp_path / "sets.npz")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["train", "classify", "sets.npz", "--patch", "2"])
    message = " ".join(capsys.readouterr().err.split())
    assert "--patch is no option of classify-multilabel, the task of these data: leave it" in message
    assert "--class-weights" in message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"logger": "none"}, "there is no logger 'none'; give csv, tensorboard, mlflow, or an object"),
        ({"trainer": {"epochs": 2}}, "Lightning's Trainer has no option 'epochs'"),
    ],
)
def test_settings_of_lightning_are_checked_before_the_data(settings, message):
    with pytest.raises(GatewiseError, match=message):
        gatewise.Forecaster(**SMALL, **settings).fit("there-is-no-such-file.csv")

"""Fixtures of the tests of the command line."""

from types import SimpleNamespace

import pytest

from gatewise.cells import LSTM
from gatewise.cli.main import main
from gatewise.tasks.forecast.baselines import Naive
from gatewise.tasks.forecast.task import TASK, shape_of
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import SavedModel, save_model
from tests.series import frame


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A series, a model of two layers for it, and one that remembers nothing; neither is trained."""
    folder = tmp_path_factory.mktemp("inspect")
    frame().write_csv(folder / "series.csv")
    options = verb_options("train", TASK.options)(horizon=4, context=12, hidden=6, layers=2)
    data = TASK.read(folder / "series.csv", options)
    preprocessing = TASK.preprocessing(data, options)
    save_model(
        folder / "run", SavedModel("forecast", "lstm", TASK.network(data, options, LSTM), preprocessing)
    )
    naive = Naive(shape_of(data))
    naive.fit(data.train, data.validation)
    save_model(folder / "naive", SavedModel("forecast", "naive", naive, preprocessing))
    return folder


@pytest.fixture
def gatewise(monkeypatch, tmp_path, capsys):
    """Runs a command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main([str(one) for one in arguments])
        output = capsys.readouterr()
        return SimpleNamespace(returncode=end.value.code, stdout=output.out, stderr=output.err)

    return run

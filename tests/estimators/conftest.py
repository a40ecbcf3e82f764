"""Fixtures of the tests of the estimators."""

from types import SimpleNamespace

import pytest

from gatewise.cli.main import main


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """Runs a command line in this process, in an empty folder, which is the working folder of the test."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main([str(one) for one in arguments])
        printed = capsys.readouterr()
        return SimpleNamespace(returncode=end.value.code, stdout=printed.out, stderr=printed.err)

    return run

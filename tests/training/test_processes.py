"""Processes that train together."""

import pytest

from gatewise import processes
from gatewise.errors import GatewiseError


@pytest.fixture(autouse=True)
def _nothing_announced(monkeypatch):
    monkeypatch.delenv(processes.FOLDER_VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("variables", "first"),
    [
        ({}, True),
        ({"RANK": "0", "LOCAL_RANK": "0"}, True),
        ({"RANK": "2", "LOCAL_RANK": "0"}, False),
        ({"LOCAL_RANK": "1"}, False),
        ({"NODE_RANK": "1", "LOCAL_RANK": "0"}, False),
    ],
)
def test_who_is_first(monkeypatch, variables, first):
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert processes.is_first() is first


def test_other_processes_receive_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(processes.FOLDER_VARIABLE, "")
    (tmp_path / "run.json").write_text("{}")
    assert processes.announced(tmp_path) == tmp_path
    processes.announce(tmp_path)
    assert processes.announced(None) == tmp_path
    monkeypatch.setenv(processes.FOLDER_VARIABLE, "")
    with pytest.raises(GatewiseError, match="need one --out to share"):
        processes.announced(None)


def test_a_first_process_that_never_starts(monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "PATIENCE", 0.01)
    with pytest.raises(GatewiseError, match="the first process made no run in"):
        processes.announced(tmp_path)

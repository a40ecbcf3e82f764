"""A run's folder is held by one process at a time; a lock that was left behind is recognized."""

import json
import os
import subprocess
import sys

import pytest

from gatewise.errors import GatewiseError
from gatewise.training import lock
from gatewise.training.lock import LOCK, locked


def owner(**changes):
    text = {"process": os.getpid(), "host": lock.socket.gethostname(), "started": lock._started(os.getpid())}
    return json.dumps({**text, **changes})


def test_a_folder_is_held_once_and_left_as_it_was(tmp_path):
    folder = tmp_path / "runs" / "one"
    with locked(folder):
        assert [one.name for one in folder.iterdir()] == [LOCK]
        with pytest.raises(GatewiseError, match=f"is in use by process {os.getpid()}; wait"), locked(folder):
            pass
        assert (folder / LOCK).is_file()
    assert list(tmp_path.iterdir()) == []
    folder.mkdir(parents=True)
    with locked(folder):
        (folder / "kept").write_text("")
    assert [one.name for one in folder.iterdir()] == ["kept"]


def test_a_new_folder_is_new(tmp_path):
    with (
        locked(tmp_path / "run", new=True),
        pytest.raises(FileExistsError),
        locked(tmp_path / "run", new=True),
    ):
        pass


def test_another_process_is_kept_out_until_it_is_killed(tmp_path):
    hold = "import sys, time, pathlib; from gatewise.training.lock import locked\n"
    hold += f"with locked(pathlib.Path({str(tmp_path)!r})): print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(GatewiseError, match=f"in use by process {other.pid}"), locked(tmp_path):
            pass
        other.kill()
    assert (tmp_path / LOCK).is_file()
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flock", [True, None], ids=["with flock", "without flock"])
@pytest.mark.parametrize(
    "left",
    [owner(process=2**22 + 1), owner(started="another boot 1"), "", "{", owner()[:-2], "[" * 4000],
    ids=["no such process", "another boot", "empty", "cut off", "cut off later", "nested"],
)
def test_a_lock_that_nobody_holds_is_taken_over(tmp_path, monkeypatch, flock, left):
    if flock is None:
        monkeypatch.setattr(lock, "fcntl", None)
    (tmp_path / LOCK).write_text(left)
    (tmp_path / ".0123.partial").write_text("of a killed write")
    with locked(tmp_path):
        assert [one.name for one in tmp_path.iterdir()] == [LOCK]


def test_without_flock_the_process_that_is_named_decides(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    with locked(tmp_path), pytest.raises(GatewiseError, match="is in use by process"), locked(tmp_path):
        pass


def test_a_lock_of_another_machine_is_never_taken(tmp_path):
    (tmp_path / LOCK).write_text(owner(host="node7"))
    with (
        pytest.raises(GatewiseError, match=r"machine 'node7'; if that has ended, remove .*/\.lock$"),
        locked(tmp_path),
    ):
        pass
    assert "node7" in (tmp_path / LOCK).read_text()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "mine").write_text("all my work")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK).symlink_to(tmp_path / "mine")
    with pytest.raises(OSError, match="symbolic links"), locked(tmp_path / "run"):
        pass
    assert (tmp_path / "mine").read_text() == "all my work"

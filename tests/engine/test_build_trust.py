"""A cache that others could write to is not used, and why; kernels are compiled all the same."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from gatewise.engine import trust
from gatewise.engine.cache import cache
from gatewise.engine.compiling import BuildError
from gatewise.engine.loading import load
from tests.engine.build_cache import (
    STRANGER,
    loaded,
    only_root,
    only_with_compiler,
    program,
    start_anew,
)  # fmt: skip

pytestmark = only_with_compiler


@pytest.fixture
def planted(cache_folder):
    """A cache whose library returns another number than the program does, with the digest of its content."""
    start_anew()
    load(program(666))
    (library,) = cache_folder.glob("*.so")
    content = library.read_bytes()
    library.unlink()
    assert loaded() == 7
    (library,) = cache_folder.glob("*.so")
    (found,) = cache().libraries.every(".so")
    cache().libraries.replace(found.stem, ".so", found.compiler, content)
    assert loaded() == 666  # in a folder that is trusted
    return cache_folder


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o1777])
def test_a_folder_that_others_can_write_to(planted, compiled_programs, caplog, mode):
    before = sorted(os.listdir(planted))
    planted.chmod(mode)
    assert loaded() == 7
    assert load(program(8)).number() == 108
    assert compiled_programs == ["part", "number", "number"]
    (record,) = caplog.records
    assert f"others can write to {planted} (mode {mode:o}" in record.message
    assert sorted(os.listdir(planted)) == before


@pytest.mark.parametrize(("mode", "expected"), [(0o777, 7), (0o770, 7), (0o1777, 666), (0o755, 666)])
def test_a_folder_that_others_can_exchange(planted, mode, expected):
    above = planted.parent
    above.chmod(mode)
    assert loaded() == expected


@only_root
def test_a_folder_of_another_user(planted, caplog):
    os.chown(planted, STRANGER, STRANGER)
    assert loaded() == 7
    assert f"{planted} belongs to user {STRANGER}" in caplog.text


@only_root
def test_a_home_of_another_user(planted, caplog):
    """As of `sudo` that keeps HOME."""
    os.chown(planted.parent, STRANGER, STRANGER)
    shutil.rmtree(planted)
    assert loaded() == 7
    assert f"{planted.parent} belongs to user {STRANGER}" in caplog.text
    assert not planted.exists()


@only_root
def test_a_file_of_another_user(planted, caplog):
    (library,) = planted.glob("*.so")
    os.chown(library, STRANGER, STRANGER)
    assert loaded() == 7
    assert f"it belongs to user {STRANGER}" in caplog.text
    caplog.clear()
    assert loaded() == 7
    assert not caplog.records


def test_a_link_in_place_of_the_folder_is_followed_to_what_is_checked(planted, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(planted)
    monkeypatch.setenv("GATEWISE_CACHE", str(tmp_path / "link"))
    assert loaded() == 666
    planted.chmod(0o777)
    assert loaded() == 7


def test_folders_for_temporary_files_that_others_can_exchange(cache_folder, compiled_programs, tmp_path):
    (tmp_path / "temporary").chmod(0o777)
    assert loaded() == 7  # compiled_programs inside the cache
    assert {path.suffix for path in cache_folder.iterdir()} == {".so", ".o"}
    cache_folder.chmod(0o777)
    with pytest.raises(BuildError, match="temporary files are not safe"):
        loaded()
    assert compiled_programs == ["part", "number", "part"]


@pytest.mark.parametrize(
    ("name", "members", "obstacle"),
    [("ann", [], False), ("ann", ["ann"], False), ("ann", ["ann", "bob"], True), ("staff", [], True)],
)
def test_a_group_of_the_user_alone_is_trusted(cache_folder, tmp_path, monkeypatch, name, members, obstacle):
    cache_folder.mkdir(0o700)
    tmp_path.chmod(0o775)
    user = SimpleNamespace(pw_name="ann", pw_uid=os.geteuid() or 1000, pw_gid=tmp_path.stat().st_gid)
    monkeypatch.setattr("pwd.getpwuid", lambda number: user)
    monkeypatch.setattr("grp.getgrgid", lambda number: SimpleNamespace(gr_name=name, gr_mem=members))
    assert bool(trust.folder_obstacle(cache_folder)) == obstacle
    cache_folder.chmod(0o770)  # which nobody needs
    assert trust.folder_obstacle(cache_folder)


def test_a_sandbox_in_which_root_has_another_number(cache_folder, monkeypatch):
    cache_folder.mkdir(0o700)
    lstat = Path.lstat

    def seen(path, of_others=()):
        status = list(lstat(path))
        status[4] = STRANGER if path in cache_folder.parents or path in of_others else os.geteuid()
        return os.stat_result(status)

    monkeypatch.setattr(Path, "lstat", seen)
    assert trust.folder_obstacle(cache_folder) is None
    monkeypatch.setattr(Path, "lstat", lambda path: seen(path, [cache_folder]))
    assert trust.folder_obstacle(cache_folder) == f"{cache_folder} belongs to user {STRANGER}"

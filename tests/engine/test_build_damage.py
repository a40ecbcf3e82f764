"""What is damaged in the kernel cache is made again; what others could have changed is never loaded."""

import ctypes
import errno
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gatewise.engine import build, loading, processor
from gatewise.engine.cache import cache
from gatewise.engine.compiling import compiler
from gatewise.engine.loading import load
from gatewise.engine.scratch import PREFIX, UNLOCKED, scratch
from tests.engine.build_cache import (
    loaded,
    only_with_compiler,
    program,
    umask,
)  # fmt: skip

SOURCE = str(Path(build.__file__).parents[2])
pytestmark = only_with_compiler


def flip(path, step):
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 2, len(content), step):
        content[place] ^= 1
    path.write_bytes(content)


def make_folder(path):
    path.unlink()
    (path / "below").mkdir(parents=True)


def make_pipe(path):
    path.unlink()
    os.mkfifo(path)


def make_link(path):
    elsewhere = path.parent.parent / path.name
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


DAMAGES = {
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
    "flipped bits": lambda path: flip(path, 64),
    "one flipped bit": lambda path: flip(path, 1 << 30),
    "another content": lambda path: path.write_text("no library"),
    "more behind": lambda path: path.write_bytes(path.read_bytes() + b"more"),
    "huge": lambda path: os.truncate(path, 1 << 40),
    "a folder": make_folder,
    "a pipe": make_pipe,
    "a link": make_link,
    "open to others": lambda path: path.chmod(0o666),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_made_again(cache_folder, compiled_programs, damage):
    assert (loaded(), loaded()) == (7, 7)
    assert compiled_programs == ["part", "number"]
    names = set(os.listdir(cache_folder))
    for name in names:
        DAMAGES[damage](cache_folder / name)
    compiled_programs.clear()
    assert loaded() == 7
    assert compiled_programs == ["part", "number"]
    assert set(os.listdir(cache_folder)) == names
    assert loaded() == 7
    assert compiled_programs == ["part", "number"]


def test_a_damaged_part_stops_no_other_program(cache_folder, compiled_programs):
    assert loaded() == 7
    (part,) = cache_folder.glob("*.o")
    DAMAGES["truncated"](part)
    assert loaded(8) == 8
    assert compiled_programs == ["part", "number", "part", "number"]


def test_a_loaded_library_is_out_of_reach_of_its_file(cache_folder):
    library = load(program())
    (file,) = cache_folder.glob("*.so")
    os.truncate(file, 0)
    assert library.number() == 107


def test_a_reused_descriptor_loads_the_new_library(cache_folder):
    """The dynamic linker would take the path of a descriptor that is used again for the library it knows."""
    first = load(program(1))
    descriptor = int(Path(first._name).name)
    os.close(descriptor)
    second = load(program(2))
    assert int(Path(second._name).name) == descriptor
    assert (first.number(), second.number()) == (101, 102)


def test_a_system_without_files_in_memory(cache_folder, monkeypatch):
    monkeypatch.delattr(os, "memfd_create")
    assert (loaded(1), loaded(2)) == (1, 2)


@pytest.mark.parametrize("content", [b"no library", b"\x7fELF" + bytes(200)])
def test_a_complete_file_that_is_not_a_library_of_this_machine(
    cache_folder, compiled_programs, caplog, content
):
    stem, identity = program().stem(processor.identity()), compiler().identity
    cache().libraries.replace(stem, ".so", identity, content)
    assert loaded() == 7
    assert "can't be loaded" in caplog.text
    assert len(list(cache_folder.glob("*.so"))) == 1
    compiled_programs.clear()
    assert loaded() == 7
    assert compiled_programs == []


def test_a_full_disk(cache_folder, compiled_programs, monkeypatch, caplog):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("gatewise.engine.libraries.tempfile.mkstemp", full)
    assert (load(program(1)).number(), load(program(2)).number()) == (101, 102)
    assert compiled_programs == ["part", "number", "number"]  # what they share is made once a process
    (record,) = caplog.records
    assert "No space left on device" in record.message


def test_a_disk_that_fills_up_while_a_file_is_written(cache_folder, monkeypatch, caplog):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("gatewise.engine.libraries.os.replace", full)
    assert load(program()).number() == 107
    assert os.listdir(cache_folder) == []


def test_threads_wait_for_the_one_that_compiles(cache_folder, compiled_programs):
    numbers = [1, 2] * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: load(program(number)).number() - 100, numbers))
    assert found == numbers
    assert sorted(compiled_programs) == ["number", "number", "part"]


def test_processes_that_compile_at_once(cache_folder, tmp_path):
    code = """
from gatewise.engine.loading import load
from tests.engine.build_cache import program
for number in range(3):
    print(load(program(number)).number())
"""
    paths = os.pathsep.join([SOURCE, str(Path(__file__).parents[2])])
    environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": str(tmp_path / "temporary")}
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(3)]
    assert [one.communicate(timeout=120)[0].split() for one in running] == [[b"100", b"101", b"102"]] * 3
    assert sorted(path.suffix for path in cache_folder.iterdir()) == [".o", ".so", ".so", ".so"]
    assert all(cache().libraries.undamaged(one) for one in cache().libraries.every(".so"))


def test_a_child_that_is_forked_while_a_thread_compiles(cache_folder):
    lock = loading._lock(program().stem(processor.identity()))
    with lock:
        child = os.fork()
        if child == 0:
            os._exit(load(program()).number() - 100)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_what_a_killed_process_leaves_is_removed(cache_folder, tmp_path):
    code = f"""
import sys, time
sys.path.insert(0, {SOURCE!r})
from gatewise.engine.scratch import scratch
with scratch() as folder:
    (folder / "program.cpp").write_text("half a prog")
    print(folder, flush=True)
    time.sleep(60)
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    command = [sys.executable, "-I", "-S", "-c", code]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        left = Path(process.stdout.readline().strip())
        assert left.name.startswith(PREFIX)
        with scratch():
            assert left.is_dir()  # its process lives
        process.kill()
    for age in (0, 2):  # one that was not locked yet
        new = left.parent / f"{UNLOCKED}{age}"
        new.mkdir()
        os.utime(new, (time.time() - age * 24 * 3600,) * 2)
    with scratch() as another:
        assert set(os.listdir(left.parent)) == {another.name, f"{UNLOCKED}0"}
    (left.parent / f"{UNLOCKED}0").rmdir()


def test_a_file_that_was_never_finished_is_removed(cache_folder):
    assert loaded(1) == 1
    old, new = cache_folder / ".partial-old", cache_folder / ".partial-new"
    for path in (old, new):
        path.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    assert loaded(2) == 2
    assert (old.exists(), new.exists()) == (False, True)


def test_another_processor_does_not_find_it(cache_folder, compiled_programs, monkeypatch):
    assert loaded() == 7
    features = processor.features()
    monkeypatch.setattr(processor, "features", lambda: features - {"avx512f", "avx2"} | {"other"})
    assert loaded() == 7
    assert compiled_programs == ["part", "number"] * 2
    monkeypatch.setattr(processor, "features", lambda: features)
    assert loaded() == 7
    assert len(compiled_programs) == 4


def test_files_are_closed_to_others_whatever_the_user_lets_others_do(cache_folder):
    with umask(0):
        assert loaded() == 7
    assert cache_folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o022 for path in cache_folder.iterdir()} == {0}
    assert {path.suffix for path in cache_folder.iterdir()} == {".so", ".o"}


def test_the_name_holds_the_digest(cache_folder):
    assert loaded() == 7
    (found,) = cache().libraries.every(".so")
    assert found.digest in found.path.name
    assert isinstance(ctypes.CDLL(str(found.path)).number(), int)  # a plain library, for other tools

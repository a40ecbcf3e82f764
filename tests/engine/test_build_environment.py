"""Compilers of all kinds, none at all, and places for the kernel cache that can't be what they should."""

import os
import shlex
import sys

import pytest

from gatewise.engine.cache import cache
from gatewise.engine.compiling import BuildError, NativeProgram, compiler
from gatewise.engine.loading import load
from tests.engine.build_cache import loaded, only_with_compiler, program, start_anew

pytestmark = only_with_compiler


def script(path, *lines):
    """A program that the shell runs."""
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


@pytest.fixture
def real():
    """The system's compiler."""
    return compiler().command[0]


@pytest.fixture
def without_compiler(monkeypatch, tmp_path):
    def take_away():
        monkeypatch.delenv("CXX", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path / "home"))
        monkeypatch.setitem(sys.modules, "ziglang", None)  # as if it were not installed

    return take_away


def test_a_filled_cache_needs_no_compiler(cache_folder, compiled_programs, without_compiler):
    assert loaded() == 7
    without_compiler()
    assert loaded() == 7
    assert compiled_programs == ["part", "number"]
    with pytest.raises(BuildError, match=r"number can't be built: there is no C\+\+ compiler"):
        loaded(8)


def test_a_filled_cache_needs_no_compiler_that_works(cache_folder, compiled_programs, monkeypatch):
    assert loaded() == 7
    for command in ("false", "no-such-compiler", "g++ 'unbalanced"):
        monkeypatch.setenv("CXX", command)
        assert loaded() == 7


def test_a_damaged_library_and_no_compiler(cache_folder, without_compiler, caplog):
    assert loaded() == 7
    (library,) = cache_folder.glob("*.so")
    os.truncate(library, 1000)
    without_compiler()
    with pytest.raises(BuildError, match=r"there is no C\+\+ compiler"):
        loaded()
    assert f"{library} is not used: its content has changed since it was written" in caplog.text


def test_options_in_the_name_of_the_compiler(cache_folder, monkeypatch, real):
    number = NativeProgram("value", 'extern "C" int value() { return VALUE; }', ("-shared", "-fPIC"))
    for value in (1, 2):
        monkeypatch.setenv("CXX", f"{real} -Wall -DVALUE={value} '-DUNUSED=two words'")
        start_anew()
        assert load(number).value() == value
    assert len(list(cache_folder.glob("*.so"))) == 2


def test_a_launcher_before_the_compiler(cache_folder, monkeypatch, real, tmp_path):
    launcher = script(tmp_path / "launcher", f"echo ran >> {tmp_path}/log", 'exec "$@"')
    monkeypatch.setenv("CXX", f"{launcher} {real}")
    assert loaded() == 7
    assert (tmp_path / "log").read_text() == 3 * "ran\n"  # its version, the part and the library


def test_a_compiler_in_a_folder_with_spaces(cache_folder, monkeypatch, real, tmp_path):
    folder = tmp_path / "two words"
    folder.mkdir()
    path = str(script(folder / "g++", f'exec {real} "$@"'))
    monkeypatch.setenv("CXX", path)
    assert compiler().command == (path,)
    assert loaded() == 7
    monkeypatch.setenv("CXX", f"{shlex.quote(path)} -Wall")
    assert compiler().command == (path, "-Wall")


def test_a_compiler_beside_the_user(cache_folder, monkeypatch, real, tmp_path):
    script(tmp_path / "own", f'exec {real} "$@"')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CXX", "./own")
    assert loaded() == 7
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CXX", "~/own -Wall")
    assert compiler().command == (str(tmp_path / "own"), "-Wall")


@pytest.mark.parametrize("command", ["", "   "])
def test_an_empty_name_is_none(cache_folder, monkeypatch, real, command):
    monkeypatch.setenv("CXX", command)
    assert compiler().command == (real,)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("no-such-compiler -Wall", "there is no executable program 'no-such-compiler'"),
        ("{folder}", "there is no executable program '{folder}'"),
        ("{folder}/text", "there is no executable program '{folder}/text'"),
        ("{folder}/binary", "{folder}/binary does not run: "),
        ("g++ 'unbalanced", "which is not a command: No closing quotation"),
        ("{folder}/fails", "{folder}/fails fails: it is broken \ufffd since today"),
        ("{folder}/nothing", "{folder}/nothing succeeds without writing a file"),
        ("{folder}/garbage", "it can't be loaded: "),
        ("{folder}/wrong", "it can't be loaded: "),
    ],
)
def test_a_compiler_that_is_none(cache_folder, monkeypatch, real, tmp_path, command, reason):
    (tmp_path / "text").write_text("no program")
    (tmp_path / "binary").write_bytes(b"\x7fELF no program")
    (tmp_path / "binary").chmod(0o755)
    script(
        tmp_path / "fails",
        r"printf '\377\376 \033[1m' ",
        r"printf 'it is \033broken \377\n since today' >&2; exit 1",
    )
    script(tmp_path / "nothing", "cat")  # waits for input, if it is given a terminal
    script(
        tmp_path / "garbage",
        "for last; do :; done",
        '[ "$1" = --version ] && echo garbage || echo garbage > "$last"',
    )
    script(tmp_path / "wrong", f'{real} "$@" -c')
    monkeypatch.setenv("CXX", command.format(folder=tmp_path))
    only_one_file = NativeProgram("number", 'extern "C" int number() { return 7; }', ("-shared", "-fPIC"))
    with pytest.raises(BuildError) as raised:
        load(only_one_file)
    assert reason.format(folder=tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert os.listdir(cache_folder) == []


def test_messages_do_not_depend_on_the_language(cache_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("CXX", str(script(tmp_path / "polyglot", 'echo "$LC_ALL"')))
    assert compiler().version == "C\n"


def where(monkeypatch, **environment):
    """The folder of the cache in an environment, with neither variable but those given."""
    for name in ("GATEWISE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return cache()


def test_where_the_cache_is(cache_folder, monkeypatch, tmp_path):
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    default_backend = home / ".cache" / "gatewise"
    for environment, expected in (
        ({}, default_backend),
        ({"XDG_CACHE_HOME": ""}, default_backend),
        ({"XDG_CACHE_HOME": "relative"}, default_backend),
        ({"XDG_CACHE_HOME": "~/other"}, default_backend),
        ({"XDG_CACHE_HOME": str(home / "general")}, home / "general" / "gatewise"),
        ({"GATEWISE_CACHE": ""}, default_backend),
        ({"GATEWISE_CACHE": "~"}, home),
        ({"GATEWISE_CACHE": "~/own"}, home / "own"),
        ({"GATEWISE_CACHE": "relative/own"}, home / "relative" / "own"),
        ({"GATEWISE_CACHE": f"{home}/zwei Wörter"}, home / "zwei Wörter"),
    ):
        found = where(monkeypatch, **environment)
        assert (found.folder, found.obstacle) == (expected, None)
        assert expected.is_dir()


def test_a_folder_with_a_strange_name(cache_folder, monkeypatch, compiled_programs, tmp_path):
    for name in ("zwei Wörter [a]*", "$(touch x);'\"", "-o", os.fsdecode(b"\xff\xfe"), "line\nend"):
        monkeypatch.setenv("GATEWISE_CACHE", str(tmp_path / "home" / name))
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary" / name))
        (tmp_path / "temporary" / name).mkdir()
        assert (loaded(), loaded()) == (7, 7)
        (tmp_path / "temporary" / name).rmdir()
    assert compiled_programs == ["part", "number"] * 5


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_no_home_at_all(cache_folder, compiled_programs, monkeypatch, caplog, home):
    def nobody(number):
        raise KeyError(number)

    monkeypatch.setattr("pwd.getpwuid", nobody)  # as of a container's user without a name
    monkeypatch.delenv("HOME")
    found = where(monkeypatch, **({} if home is None else {"HOME": home}))
    assert (found.folder, found.libraries) == (None, None)
    assert (loaded(), load(program(8)).number()) == (7, 108)
    assert compiled_programs == ["part", "number", "number"]
    (record,) = caplog.records
    assert "there is no home folder" in record.message
    assert "GATEWISE_CACHE" in record.message


@pytest.mark.parametrize(
    "place", ["{folder}/file", "{folder}/file/below", "/proc/no/such", "/dev/null", "{folder}/loop"]
)
def test_a_folder_that_can_not_be(cache_folder, compiled_programs, monkeypatch, caplog, tmp_path, place):
    (tmp_path / "file").write_text("precious")
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.setenv("GATEWISE_CACHE", place.format(folder=tmp_path))
    assert (loaded(), loaded()) == (7, 7)
    assert compiled_programs == ["part", "number"] * 2
    assert "the kernel cache is not used, each process compiles its own kernels" in caplog.text
    assert (tmp_path / "file").read_text() == "precious"


def test_a_home_that_others_could_exchange_is_left_as_it_is(cache_folder, monkeypatch, tmp_path):
    home = tmp_path / "home"
    home.chmod(0o777)
    found = where(monkeypatch, HOME=str(home))
    assert f"others can write to {home} (mode 777" in found.obstacle
    assert os.listdir(home) == []


def test_a_cache_that_can_only_be_read(cache_folder, compiled_programs, monkeypatch, caplog):
    assert loaded() == 7

    def read_only(*arguments, **options):
        raise OSError(30, "Read-only file system", f"{cache_folder}/{len(compiled_programs)}")

    monkeypatch.setattr("gatewise.engine.libraries.tempfile.mkstemp", read_only)
    assert loaded() == 7
    assert not caplog.records
    assert (loaded(8), load(program(9)).number()) == (8, 109)
    (record,) = caplog.records
    assert record.message.endswith("so each process compiles its own: Read-only file system")
    assert compiled_programs == ["part", "number", "number", "number"]


def test_a_compiler_that_was_upgraded_compiles_anew(
    cache_folder, compiled_programs, monkeypatch, real, tmp_path
):
    for version in (1, 2):
        own = script(tmp_path / "own", f'[ "$1" = --version ] && echo {version} && exit', f'exec {real} "$@"')
        monkeypatch.setenv("CXX", str(own))
        assert loaded() == 7
    assert compiled_programs == ["part", "number"] * 2
    script(own, "exit 1")
    assert loaded() == 7

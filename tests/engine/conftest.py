"""A kernel cache of a test's own."""

import os

import pytest

from gatewise.engine import compiling
from tests.engine.build_cache import start_anew
from tests.thorough import every_cell


@pytest.fixture
def cache_folder(monkeypatch, tmp_path):
    """The folder of an empty cache, and another for temporary files."""
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir(0o700)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("GATEWISE_CACHE", str(tmp_path / "home" / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    start_anew()
    yield tmp_path / "home" / "cache"
    assert not os.listdir(tmp_path / "temporary"), "something was left behind"
    start_anew()


@pytest.fixture
def compiled_programs(monkeypatch):
    """The names of the programs that are compiled."""
    names, compile = [], compiling.Compiler.compile

    def recorded(own, program, *rest):
        names.append(program.name)
        return compile(own, program, *rest)

    monkeypatch.setattr(compiling.Compiler, "compile", recorded)
    return names


@pytest.fixture(params=every_cell(matrices=False))
def cell(request):
    """Every built-in cell with a kernel in turn, without --thorough but those compiled ahead."""
    return request.param

"""Fixtures of the tests of the experiments."""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "published"


@pytest.fixture
def script(monkeypatch):
    """Imports a script by its name, as Python finds what lies beside it."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module

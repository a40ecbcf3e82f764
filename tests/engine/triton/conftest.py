"""The kernels of GPUs need Triton, which `develop` does not install: see `make test-triton`."""

import os

import pytest
import torch

from gatewise.engine.triton import backend, buffers


def pytest_collection_modifyitems(items):
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    for one in items:
        compiles = one.path.name == "test_compilation.py"
        if (
            one.path.parent.name == "triton"
            and one.path.parent.parent.name == "engine"
            and compiles == interpreted
        ):
            one.add_marker(pytest.mark.skip(reason="run by make test-triton"))


@pytest.fixture(autouse=True)
def _triton():
    pytest.importorskip("triton")


@pytest.fixture(autouse=True)
def _poison(monkeypatch):
    """Memory that no kernel has written is NaN."""

    def empty(own, *shape, dtype=torch.float32):
        return torch.full(shape, torch.nan, dtype=dtype)

    monkeypatch.setattr(buffers.Buffers, "empty", empty)


@pytest.fixture(autouse=True)
def _any_length(monkeypatch):
    """Few steps are run, too."""
    monkeypatch.setattr(backend, "FEWEST_STEPS", 1)

"""The kernels of GPUs need Triton, which `develop` does not install: see `make test-triton`."""

import os

import pytest
import torch

import gatewise
from gatewise.engine import choice
from gatewise.engine.triton import backend, buffers, lattice, launches
from gatewise.engine.triton.backend import Triton


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
    monkeypatch.setattr(lattice.LatticeLoop, "_empty", empty)


@pytest.fixture(autouse=True)
def _any_length(monkeypatch):
    """Few steps and diagonals are run, too."""
    monkeypatch.setattr(backend, "FEWEST_STEPS", 1)


@pytest.fixture
def on_cpu(monkeypatch):
    """The backends of a context, with the interpreter for the GPU."""
    chosen = Triton("cpu")
    monkeypatch.setattr(choice, "TRITON", chosen)
    monkeypatch.setattr(choice, "BACKENDS", (chosen, choice.REFERENCE))
    with gatewise.backend("triton"):
        yield


@pytest.fixture
def replays(monkeypatch):
    """The counters at which recordings, which have the addresses of their first steps, are replayed."""
    found = []

    class Recorded:
        def __init__(self, step, counter, direction):
            self.again = step, counter, direction

        def replay(self):
            step, counter, direction = self.again
            found.append(int(counter))
            for number in range(launches.RECORDED):
                step(number * direction)
            counter.add_(launches.RECORDED * direction)

    for name, value in {"RECORDED": 2, "FEWEST": 4, "can_record": lambda _: True, "record": Recorded}.items():
        monkeypatch.setattr(launches, name, value)
    return found

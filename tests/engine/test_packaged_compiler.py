"""The compiler that is a Python package, where the system has none (`pip install 'gatewise[compiler]'`)."""

import importlib.util
import sys

import pytest
import torch

import gatewise
from gatewise.cells import LSTM
from gatewise.engine.compiling import compiler

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="ziglang is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads the libraries of a process as on Linux"),
]


def test_it_compiles_an_own_cell(cache_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "no programs"))

    class Fresh(LSTM):
        h = LSTM.o * LSTM.c

    layer = gatewise.Recurrent(Fresh, 3, 20)
    found = []
    for backend in ("native", "reference"):
        inputs = torch.linspace(-1, 1, 5 * 2 * 3).view(5, 2, 3).requires_grad_()
        with gatewise.backend(backend):
            output = layer(inputs)[0]
        output.square().sum().backward()
        found.append((output, inputs.grad))
    torch.testing.assert_close(*found)
    assert compiler().command[0].endswith("/zig")
    assert all(f"-{compiler().identity}-" in path.name for path in cache_folder.iterdir())
    with open("/proc/self/maps") as maps:
        libraries = {line.split()[-1] for line in maps if "/" in line}
    runtimes = [path for path in libraries if "omp" in path.rpartition("/")[2] and "scikit_learn" not in path]
    assert len(runtimes) == 1

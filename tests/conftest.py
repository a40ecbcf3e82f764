"""Fixtures of all tests: one thread, fresh seeds, and the folder of real data."""

import os
from pathlib import Path

import pytest

# For this process and those that it starts: a worker has one core, and threads that wait leave it to others.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch  # which reads them

from tests.thorough import every_cell

torch.set_num_threads(1)


def pytest_addoption(parser):
    parser.addoption("--thorough", action="store_true", help="run the slow relatives of other tests, too")


def pytest_configure(config):
    config.addinivalue_line("markers", "thorough: a slow relative of another test; runs with --thorough")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--thorough"):
        return
    left = [one for one in items if one.get_closest_marker("thorough")]
    config.hook.pytest_deselected(items=left)
    items[:] = [one for one in items if one not in set(left)]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(params=every_cell())
def cell(request):
    """Every built-in cell in turn, without --thorough but those whose kernels are not compiled ahead."""
    return request.param


@pytest.fixture
def real_data():
    """The folder of real data; tests that need it are skipped where it is absent."""
    here = Path(os.environ.get("GATEWISE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not here.is_dir():
        pytest.skip(f"no real data at {here}; GATEWISE_DATA names another place")
    return here

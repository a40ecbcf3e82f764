"""What all tests share: one thread, fresh seeds, and where real data lies."""

import os
from pathlib import Path

import pytest

# For this process and those that it starts: a worker has one core, and threads that wait leave it to others.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch  # which reads them

from gatewise.cells import cells

torch.set_num_threads(1)

CELLS = list(cells().values())


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(params=CELLS, ids=lambda cell: cell.__name__)
def cell(request):
    """Every built-in cell in turn."""
    return request.param


@pytest.fixture
def real_data():
    """The folder of real data; tests that need it are skipped where it is absent."""
    here = Path(os.environ.get("GATEWISE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not here.is_dir():
        pytest.skip(f"no real data at {here}; GATEWISE_DATA names another place")
    return here

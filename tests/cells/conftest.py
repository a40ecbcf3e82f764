"""Tests of equations, which compile nothing."""

import pytest

import gatewise
from gatewise.cells import cells


@pytest.fixture(params=cells().values(), ids=cells().keys())
def cell(request):
    """Every built-in cell in turn."""
    return request.param


@pytest.fixture(autouse=True)
def _reference():
    with gatewise.backend("reference"):
        yield

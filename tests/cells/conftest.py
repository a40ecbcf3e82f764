"""Tests of equations, which compile nothing."""

import pytest

from gatewise.cells import cells


@pytest.fixture(params=cells().values(), ids=cells().keys())
def cell(request):
    """Every built-in cell in turn."""
    return request.param

"""Fixtures of the examples in docstrings."""

import pytest

import gatewise

WITHOUT_KERNELS = tuple(f"src/gatewise/{name}/" for name in ("cells", "layers", "modules", "tasks"))


@pytest.fixture(autouse=True)
def _examples_compile_nothing(request):
    """Runs examples with small layers on the reference: no kernel is compiled for one of them alone."""
    path = request.path.relative_to(request.config.rootpath).as_posix()
    if isinstance(request.node, pytest.DoctestItem) and path.startswith(WITHOUT_KERNELS):
        with gatewise.backend("reference"):
            yield
    else:
        yield

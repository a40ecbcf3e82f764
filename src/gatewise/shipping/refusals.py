"""Refusals of PyTorch's exporter in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gatewise.errors import GatewiseError
from gatewise.plain import one_line


@contextmanager
def exporter_refusals() -> Iterator[None]:
    """Raises a `GatewiseError` with the first cause in place of any error of the exporter."""
    try:
        yield
    except RuntimeError as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        raise GatewiseError(f"PyTorch's exporter refuses the network: {one_line(cause)}") from error

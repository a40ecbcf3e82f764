"""Memory: an error in one line, with the options that determine the size, if there is not enough."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gatewise.errors import GatewiseError

SIZES = (
    "hidden", "layers", "embedding", "features", "components", "vocabulary", "batch_size", "beam", "steps",
    "horizon", "context", "height",
)  # fmt: skip
COPIES = 4  # parameters, their gradient and two moments
REASONS = ("can't allocate memory", "not enough memory", "out of memory")  # in messages of PyTorch


def is_of_memory(error: BaseException) -> bool:
    """Whether an error means that there was not enough memory.

    >>> is_of_memory(MemoryError()), is_of_memory(RuntimeError("CUDA out of memory."))
    (True, True)
    >>> is_of_memory(RuntimeError("shapes differ"))
    False
    """
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(reason in text for reason in REASONS)
    )


@contextmanager
def enough_memory(options: Any) -> Iterator[None]:
    """Turns errors of memory into one that names the options that determine the size.

    Raises: `GatewiseError`; at once if the recurrent weights alone are too large.
    """
    least, available = _least(options), _available()
    if available is not None and least > available:
        raise GatewiseError(
            f"{_sizes(options)} need at least {least / 1e9:.3g} GB of memory, and this machine has "
            f"{available / 1e9:.3g}; give smaller ones"
        )
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_of_memory(error):
            raise
        raise GatewiseError(
            f"there is not enough memory for {_sizes(options) or 'these data'}; give smaller ones"
        ) from error


def _sizes(options: Any) -> str:
    given = {name: getattr(options, name, None) for name in SIZES}
    return ", ".join(f"{name}={value}" for name, value in given.items() if value)


def _least(options: Any) -> int:
    """The least number of bytes of the recurrent weights in training; the layers of a grid may share them."""
    layers = 1 if getattr(options, "network", None) == "grid" else getattr(options, "layers", 1)
    hidden: int = getattr(options, "hidden", 1)
    return COPIES * 4 * hidden**2 * int(layers)


def _available() -> int | None:
    """Bytes of memory of this machine, None if the system does not report it."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None

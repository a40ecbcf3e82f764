"""Errors of saved models whose preprocessing does not match their network or the data."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from gatewise.errors import GatewiseError
from gatewise.plain import one_line

ReturnT = TypeVar("ReturnT")
MISMATCH_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)


def explain_mismatch(method: Callable[..., ReturnT]) -> Callable[..., ReturnT]:
    """Wraps a method that applies a saved model, whose preprocessing may not match its network.

    Raises: `GatewiseError` in place of any exception that such a mismatch raises.
    """

    @wraps(method)
    def checked(*arguments: Any, **options: Any) -> ReturnT:
        try:
            return method(*arguments, **options)
        except (GatewiseError, NotImplementedError):
            raise
        except MISMATCH_ERRORS as error:
            raise GatewiseError(
                f"the model can't be applied to the data: {type(error).__name__}: {one_line(error)}; "
                "its model.json does not fit its network or the data"
            ) from error

    return checked

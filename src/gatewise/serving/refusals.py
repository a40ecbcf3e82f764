"""Refusals of requests: a status and one line that says what was expected."""

from __future__ import annotations

from gatewise.errors import GatewiseError
from gatewise.plain import one_line


class RequestError(GatewiseError):
    """A mistake in a request. status: of HTTP, 4xx"""

    def __init__(self, status: int, message: object) -> None:
        super().__init__(message)
        self.status = status


def refusal_of(error: Exception) -> tuple[int, str]:
    """The status and the line of an error: that of a refusal, 422 for a mistake in the data, else 5xx."""
    if isinstance(error, GatewiseError):
        return error.status if isinstance(error, RequestError) else 422, str(error)
    if isinstance(error, OSError):
        return 503, f"the server can't write its files: {error.strerror or one_line(error)}"
    return 500, f"the server failed with {type(error).__name__}, of which its log says more"

"""Refusals of requests: a status and one line that says what was expected."""

from __future__ import annotations

from gatewise.errors import GatewiseError


class RequestError(GatewiseError):
    """A mistake in a request. status: of HTTP, 4xx"""

    def __init__(self, status: int, message: object) -> None:
        super().__init__(message)
        self.status = status


def status_of(error: GatewiseError) -> int:
    """The status of an error: that of a refusal, 422 for a mistake in the data."""
    return error.status if isinstance(error, RequestError) else 422

"""Which backend serves a request."""

from __future__ import annotations

from typing import Protocol

from gatewise.engine.reference import Reference
from gatewise.engine.request import Request, Result


class Backend(Protocol):
    """A way to run a request."""

    name: str

    def refusal(self, request: Request) -> str | None:
        """Why this backend can't serve the request, in a sentence; None if it can."""

    def run(self, request: Request) -> Result:
        """Serves a request that was not refused."""


BACKENDS: tuple[Backend, ...] = (Reference(),)  # the first that does not refuse serves


def refusals(request: Request) -> dict[str, str | None]:
    """What each backend says to a request, in the order in which they are asked."""
    return {backend.name: backend.refusal(request) for backend in BACKENDS}


def run(request: Request) -> Result:
    """Runs a request on the first backend that serves it; the reference refuses nothing."""
    return next(backend for backend in BACKENDS if backend.refusal(request) is None).run(request)

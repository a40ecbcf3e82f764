"""What each request passes first: the host and the token, the size of the body, and the metrics."""

from __future__ import annotations

import hmac
import json
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, TypeAlias

from gatewise.errors import GatewiseError
from gatewise.serving.metrics import Metrics
from gatewise.serving.options import ServeOptions
from gatewise.serving.refusals import RequestError

TOKEN = "GATEWISE_TOKEN"
OPEN_PATHS = ("/", "/health", "/ready")  # without a token
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


def read_token(options: ServeOptions) -> str | None:
    """The token of requests: of the file, or of the environment; None if there is none.

    Raises: `GatewiseError` if the file has none.
    """
    if options.token_file is None:
        return os.environ.get(TOKEN) or None
    lines = Path(options.token_file).read_text("utf-8").split()
    if len(lines) != 1:
        raise GatewiseError(f"expected one token in {options.token_file!r}, got {len(lines)} words")
    return lines[0]


class Guards:
    """Refuses requests before their bodies are read, and counts all of them.

    A server of this machine alone answers to its local names alone, so that no page of another site reaches
    it through a name of its own; neither may such a page open a socket.
    """

    token: str | None
    metrics: Metrics
    max_bytes: int
    is_local: bool

    def __init__(self, app: App, options: ServeOptions, token: str | None, metrics: Metrics) -> None:
        self.app, self.token, self.metrics, self.max_bytes = app, token, metrics, options.max_bytes
        self.is_local = options.host in LOOPBACK

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if scope["type"] == "websocket":
            if refusal is None:
                await self.app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": refusal[1][:100]})
            return
        began, status = time.perf_counter(), 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if refusal is not None:
                await _refuse(observed, *refusal)
            else:
                await self.app(scope, self._limited(receive), observed)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.observe(route, scope["method"], status, time.perf_counter() - began)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """The status and the reason to refuse a request; None to answer it."""
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        if self.is_local and name not in (*LOOPBACK, ""):
            return 421, f"this server answers to {LOOPBACK[0]} and localhost, not to {host!r}"
        origin = headers.get("origin")
        if scope["type"] == "websocket" and origin and origin.partition("//")[2] != host:
            return 403, "a page of another site may not open a socket"
        if self.token is not None and scope["path"] not in OPEN_PATHS:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            is_right = hmac.compare_digest(given.encode(), self.token.encode())
            if scheme.lower() != "bearer" or not is_right:
                return 401, "expected the header `Authorization: Bearer TOKEN` with the token of this server"
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self.max_bytes:
            return 413, self._too_large
        return None

    @property
    def _too_large(self) -> str:
        return f"the body is larger than {self.max_bytes:,} bytes"

    def _limited(self, receive: Receive) -> Receive:
        """Receives a body up to its limit, also of a request that does not announce its length."""
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise RequestError(413, self._too_large)
            return message

        return limited


async def _refuse(send: Send, status: int, reason: str) -> None:
    body = json.dumps({"error": reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(b"www-authenticate", b"Bearer")] * (status == 401)
    headers += [(b"connection", b"close")] * (status == 413)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

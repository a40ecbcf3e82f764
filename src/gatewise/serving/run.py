"""Runs the server of some models until it is interrupted."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gatewise.errors import GatewiseError
from gatewise.serving.options import ServeOptions
from gatewise.tasks.config import resolve
from gatewise.terminal import console
from gatewise.training.lock import locked

GRACE = 10  # seconds that requests have to end
TEMPORARY = ".temporary"  # for data while they are predicted, in the folder of the streams


def serve(models: Sequence[Path | str] | Path | str, **options: Any) -> None:
    """Serves trained models over HTTP until it is interrupted; the page at its address tries them.

    models: folders of runs, or of `save`
    options: as of `gatewise serve`, such as port=8000 or state="streams"

    Raises: `GatewiseError` if a model can't be read, or an option is not as expected.

    >>> import gatewise
    >>> gatewise.serve("run", port=8000)  # doctest: +SKIP
    """
    folders = [Path(one) for one in ([models] if isinstance(models, Path | str) else models)]
    run_server(folders, resolve(ServeOptions, None, options))


def run_server(folders: list[Path], options: ServeOptions) -> None:
    """As `serve`, with checked options."""
    try:
        import uvicorn

        from gatewise.serving.app import build_app
        from gatewise.serving.guards import LOOPBACK, Guards, read_token
        from gatewise.serving.metrics import Metrics
    except ImportError as error:
        raise GatewiseError(f"the server needs {error.name}: pip install 'gatewise[serve]'") from error
    token, metrics = read_token(options), Metrics()
    if options.host not in LOOPBACK and token is None:
        raise GatewiseError(
            f"--host {options.host} is open to other machines: give a token in the environment variable "
            "GATEWISE_TOKEN or with --token-file"
        )
    with _kept(options):
        with console.status("loading the models"):
            guarded = Guards(build_app(folders, options, metrics), options, token, metrics)
        config = uvicorn.Config(
            guarded,
            log_level="warning",
            access_log=False,
            ws_max_size=options.max_bytes,
            timeout_graceful_shutdown=GRACE,
        )
        with _listening(options) as listener:
            host, port = listener.getsockname()[:2]
            address = f"[{host}]" if ":" in host else host
            console.print(f"serving {', '.join(one.name for one in folders)} at http://{address}:{port}")
            uvicorn.Server(config).run(sockets=[listener])


def _listening(options: ServeOptions) -> socket.socket:
    """A socket that listens. Raises: `GatewiseError` if the address can't be used."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        listener = socket.create_server((options.host, options.port), family=family, backlog=2048)
        # With its protocol known, asyncio sends answers at once (TCP_NODELAY).
        return socket.socket(fileno=listener.detach())
    except OSError as error:
        raise GatewiseError(
            f"can't listen on {options.host}, port {options.port}: {error.strerror or error}; give another "
            "--port or --host"
        ) from error


@contextmanager
def _kept(options: ServeOptions) -> Iterator[None]:
    """Locks the folder of the streams, and keeps temporary files inside it."""
    if options.state is None:
        yield
        return
    with locked(Path(options.state)) as folder:
        temporary, before = folder / TEMPORARY, tempfile.tempdir
        temporary.mkdir(exist_ok=True)
        tempfile.tempdir = str(temporary)
        try:
            yield
        finally:
            tempfile.tempdir = before

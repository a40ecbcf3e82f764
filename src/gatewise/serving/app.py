"""The routes of the server."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocketDisconnect

from gatewise.errors import GatewiseError
from gatewise.serving.bodies import (
    JSON,
    accepted_kind,
    media_type,
    plain_rows,
    read_content,
    read_json_body,
    read_object,
    write_table,
)
from gatewise.serving.examples import described_routes
from gatewise.serving.limits import require_limits, require_size
from gatewise.serving.metrics import Metrics
from gatewise.serving.options import ServeOptions
from gatewise.serving.refusals import RequestError, refusal_of
from gatewise.serving.served import ServedModel, load_models
from gatewise.serving.sessions import OpenStreams

PREDICTING = 2  # threads
CHUNK = 16  # symbols of a generated text that are sent together
BINARY = "application/octet-stream"


class Server:
    """The models and streams behind the routes."""

    models: Mapping[str, ServedModel]
    options: ServeOptions
    threads: Executor
    metrics: Metrics
    streams: OpenStreams
    is_ready: bool
    sockets: int

    def __init__(
        self, models: Mapping[str, ServedModel], options: ServeOptions, threads: Executor, metrics: Metrics
    ) -> None:
        self.models, self.options, self.threads, self.metrics = models, options, threads, metrics
        self.streams = OpenStreams(models, options.max_streams, options.expire)
        self.is_ready, self.sockets = False, 0

    def model(self, name: object) -> ServedModel:
        """A model by its name, which may be left out where there is one. Raises: `RequestError`."""
        if name is None and len(self.models) == 1:
            return next(iter(self.models.values()))
        if not isinstance(name, str) or name not in self.models:
            raise RequestError(
                404, f"there is no model {str(name)[:80]!r}; the models are {', '.join(self.models)}"
            )
        return self.models[name]

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Closes expired streams while the server runs; at its end, the streams are saved."""
        sweeper = asyncio.create_task(self._sweep())
        gc.collect()
        gc.freeze()  # the models stay: to look at them again and again would delay answers
        self.is_ready = True
        yield
        self.is_ready = False
        sweeper.cancel()
        for model in self.models.values():
            if model.worker is not None:
                await model.worker.close()
        self.threads.shutdown(cancel_futures=True)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(self.options.expire / 4, 30))
            with suppress(GatewiseError):
                await self.streams.close_expired()


def build_app(folders: list[Path], options: ServeOptions, metrics: Metrics) -> FastAPI:
    """The application of the models in some folders, without its guards. Raises: `GatewiseError`."""
    threads = ThreadPoolExecutor(PREDICTING, thread_name_prefix="predict")
    models = load_models(folders, options, threads, metrics.observe_batch)
    server = Server(models, options, threads, metrics)
    app = FastAPI(
        title="gatewise",
        description="Predictions, streams and texts of trained models.",
        lifespan=server.lifespan,
        redoc_url=None,
    )
    app.state.models = models
    _add_errors(app)
    described = described_routes(models)
    _add_state_routes(app, server)
    _add_predictions(app, server, described)
    _add_streams(app, server, described)
    return app


def _add_errors(app: FastAPI) -> None:
    """Each error is JSON with one line."""

    def answer(status: int, message: str) -> JSONResponse:
        return JSONResponse({"error": message}, status)

    @app.exception_handler(GatewiseError)
    @app.exception_handler(OSError)
    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        return answer(*refusal_of(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return answer(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> JSONResponse:
        return answer(error.status_code, f"{error.detail}: {request.method} {request.url.path[:80]}")


def _add_state_routes(app: FastAPI, server: Server) -> None:
    page = files("gatewise.serving").joinpath("page.html").read_text("utf-8")

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def show_page() -> str:
        return page

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Whether the process runs."""
        return {"status": "ok"}

    @app.get("/ready")
    async def ready() -> JSONResponse:
        """Whether requests are answered."""
        return JSONResponse({"ready": server.is_ready}, 200 if server.is_ready else 503)

    @app.get("/models")
    async def list_models() -> list[dict[str, Any]]:
        """The models, what they read at a step, and why one has no streams."""
        return [model.about for model in server.models.values()]

    @app.get("/metrics")
    async def show_metrics() -> Response:
        """Counts and times, for Prometheus."""
        server.metrics.open.set(len(server.streams))
        return Response(server.metrics.text(), media_type="text/plain; version=0.0.4")


def _add_predictions(app: FastAPI, server: Server, described: Mapping[str, Any]) -> None:
    @app.post("/predict", openapi_extra=described["predict"])
    async def predict(request: Request, model: str | None = None) -> Response:
        """Predicts for rows as JSON, CSV or Arrow IPC; the answer is of the accepted kind, or of the same."""
        kind = media_type(request.headers.get("content-type"))
        body, most = await request.body(), server.options.max_rows
        loop = asyncio.get_running_loop()
        content = await loop.run_in_executor(server.threads, read_content, body, kind, most)
        served = server.model(model or content.model)
        prediction = await served.predict(content.data)
        accepted = accepted_kind(request.headers.get("accept"), kind)
        if accepted != JSON:
            return Response(write_table(prediction.frame, accepted), media_type=accepted)
        rows = plain_rows(prediction.frame)
        return JSONResponse({"rows": rows, "about": prediction.about, "warnings": list(prediction.warnings)})

    @app.post("/generate", openapi_extra=described["generate"])
    async def generate(request: Request) -> Response:
        """Generates a text as server-sent events, or vectors as JSON."""
        given = dict(read_object(await request.body()))
        served = server.model(given.pop("model", None))
        require_limits(given, server.options.max_length)
        loop = asyncio.get_running_loop()
        sample = await loop.run_in_executor(server.threads, served.sample, given)
        if isinstance(sample, pl.DataFrame):
            return JSONResponse({"rows": plain_rows(sample)})

        async def events() -> AsyncIterator[str]:
            symbols = iter(sample)
            try:
                while part := await loop.run_in_executor(server.threads, list, islice(symbols, CHUNK)):
                    yield _event({"text": "".join(part)})
                yield _event({"end": True})
            except Exception as error:
                yield _event({"error": refusal_of(error)[1]})
                raise

        return StreamingResponse(events(), media_type="text/event-stream")


def _add_streams(app: FastAPI, server: Server, described: Mapping[str, Any]) -> None:
    streams = server.streams

    @app.post("/stream/{id}", openapi_extra=described["open"], status_code=201)
    async def open_stream(id: str, request: Request) -> dict[str, Any]:
        """Opens a stream of a model, from a saved state if one is given."""
        _require_json(request)
        given = read_object(await request.body())
        series, state = given.get("series"), given.get("state")
        if not isinstance(series, str | None) or not isinstance(state, str | None):
            raise RequestError(422, 'expected "series" and "state" as texts')
        served = server.model(given.get("model"))
        await streams.open(id, served, series, state)
        return {"id": id, "model": served.name}

    @app.get("/stream/{id}")
    async def show_stream(id: str) -> dict[str, Any]:
        """The model of a stream, and the number of its steps."""
        worker = streams.worker(id)
        return {"id": id, "model": streams.model_of(id), "steps": worker.sessions[id]["steps"]}

    @app.post("/stream/{id}/step", openapi_extra=described["step"])
    async def step(id: str, request: Request) -> dict[str, Any]:
        """Reads one observation, and returns what the model says now."""
        given = read_object(await request.body())
        if "observation" not in given:
            raise RequestError(422, 'expected an object with "observation"')
        return await _stepped(server, id, given["observation"])

    @app.get("/stream/{id}/snapshot")
    async def snapshot(id: str) -> Response:
        """The state of a stream as bytes; in base 64, it opens another stream."""
        return Response(await streams.worker(id).save(id), media_type=BINARY)

    @app.delete("/stream/{id}")
    async def close_stream(id: str) -> dict[str, Any]:
        """Closes a stream."""
        await streams.close(id)
        return {"id": id, "closed": True}

    @app.websocket("/stream/{id}/socket")
    async def socket(id: str, channel: WebSocket) -> None:
        """Each message is an observation as JSON; each answer has its number of steps."""
        if server.sockets >= server.options.max_streams:
            await channel.close(1013, f"{server.sockets:,} sockets are open, which is the limit")
            return
        server.sockets += 1
        try:
            await _converse(server, id, channel)
        finally:
            server.sockets -= 1


async def _converse(server: Server, id: str, channel: WebSocket) -> None:
    """Answers the messages of a socket until it is closed."""
    await channel.accept()
    with suppress(WebSocketDisconnect):
        while True:
            message = await channel.receive()
            if message["type"] == "websocket.disconnect":
                return
            body = message.get("bytes") or (message.get("text") or "").encode(errors="replace")
            await channel.send_json(await _answered(server, id, body))


async def _stepped(server: Server, id: str, observation: Any) -> dict[str, Any]:
    require_size(observation, server.options.max_observation)
    answer, steps = await server.streams.worker(id).step(id, observation)
    return {"answer": answer, "steps": steps}


async def _answered(server: Server, id: str, body: bytes) -> dict[str, Any]:
    """The answer to an observation as JSON, or the error in its place."""
    try:
        return await _stepped(server, id, read_json_body(body))
    except Exception as error:
        status, line = refusal_of(error)
        return {"error": line, "status": status}


def _event(data: Mapping[str, Any]) -> str:
    """A server-sent event."""
    return f"data: {json.dumps(data)}\n\n"


def _require_json(request: Request) -> None:
    """Raises: `RequestError` for another content type, which a page of another site could send."""
    kind = media_type(request.headers.get("content-type"))
    if kind != JSON:
        raise RequestError(415, f"expected the content type {JSON}, got {kind!r}")

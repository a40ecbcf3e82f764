"""The open streams of the server: their models, and when they expire."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Mapping

from gatewise.serving.refusals import RequestError
from gatewise.serving.served import ServedModel
from gatewise.serving.worker import StreamWorker

ID = re.compile(r"[A-Za-z0-9._~-]{1,64}")
REMEMBERED = 10_000  # expired streams, which are distinguished from unknown ones


class OpenStreams:
    """The streams by id. max_streams: that are open at a time; expire: seconds without a step"""

    def __init__(self, models: Mapping[str, ServedModel], max_streams: int, expire: float) -> None:
        self._models, self._max_streams, self._expire = models, max_streams, expire
        self._expired: OrderedDict[str, None] = OrderedDict()
        self._used: OrderedDict[str, tuple[str, float]] = OrderedDict()  # the least recently used first
        for model in models.values():
            for id in model.worker.sessions if model.worker is not None else ():
                self._used[id] = model.name, time.monotonic()

    def __len__(self) -> int:
        return len(self._used)

    async def open(self, id: str, model: ServedModel, series: str | None, state: str | None) -> None:
        """Opens a stream, from a state in base 64 if there is one. Raises: `GatewiseError`."""
        if not ID.fullmatch(id):
            raise RequestError(
                422, f"expected an id of 1 to 64 letters, digits, dots, dashes, got {id[:80]!r}"
            )
        worker = model.streams
        if id in self._used:
            raise RequestError(409, f"the stream {id!r} is open already; close it first")
        if len(self._used) >= self._max_streams:
            raise RequestError(429, f"{self._max_streams:,} streams are open, which is the limit; close one")
        self._used[id] = model.name, time.monotonic()
        try:
            if state is None:
                await worker.change(do="open", id=id, series=series)
            else:
                await worker.change(do="restore", id=id, state=state)
        except BaseException:
            self._used.pop(id, None)
            raise
        self._expired.pop(id, None)

    def worker(self, id: str) -> StreamWorker:
        """The worker of a stream, which is used now. Raises: `RequestError` if there is none."""
        if id not in self._used:
            if id in self._expired:
                raise RequestError(410, f"the stream {id!r} expired: no step for {self._expire:g} seconds")
            raise RequestError(404, f"there is no stream {id[:80]!r}; open it first")
        name, _ = self._used[id]
        self._used[id] = name, time.monotonic()
        self._used.move_to_end(id)
        return self._models[name].streams

    def model_of(self, id: str) -> str:
        """The name of the model of an open stream."""
        self.worker(id)
        return self._used[id][0]

    async def close(self, id: str) -> None:
        """Closes a stream. Raises: `RequestError` if there is none."""
        worker = self.worker(id)
        del self._used[id]
        await worker.change(do="close", id=id)

    async def close_expired(self) -> None:
        """Closes the streams that no one has used for long."""
        oldest = time.monotonic() - self._expire
        for id in [id for id, (_, used) in self._used.items() if used < oldest]:
            await self.close(id)
            self._expired[id] = None
            while len(self._expired) > REMEMBERED:
                self._expired.popitem(last=False)

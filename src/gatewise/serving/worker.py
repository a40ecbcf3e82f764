"""The streams of one model in the server: a thread that computes steps which arrive together in one batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from gatewise.serving.answering import answered
from gatewise.serving.batcher import Batcher
from gatewise.serving.bodies import plain
from gatewise.serving.journal import Journal, Sessions, change
from gatewise.serving.refusals import RequestError
from gatewise.shipping.stream import Stream

Result = TypeVar("Result")


class Stepped(NamedTuple):
    """The answer to a step as plain data, and the number of steps of its stream."""

    answer: Any
    steps: int


class StreamWorker:
    """Steps the streams of a model. Its thread alone touches them.

    Steps that arrive within `max_wait` of the first are computed in one batch, in the order of their arrival
    for each stream.

    journal: None if streams do not survive the process; max_wait: in seconds; max_batch: the most steps
    observe: called with the number of steps of each batch
    """

    def __init__(
        self,
        stream: Stream,
        journal: Journal | None,
        max_wait: float,
        max_batch: int,
        observe: Callable[[int], None],
    ) -> None:
        self._stream, self._journal, self._observe = stream, journal, observe
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="streams")
        self._batcher = Batcher(self._stepped, self._thread, max_wait, max_batch)
        self.sessions: Sessions = {} if journal is None else journal.recover(stream)

    async def step(self, id: str, observation: Any) -> Stepped:
        """Reads an observation of a stream. Raises: `GatewiseError` if it is not as expected."""
        return await self._batcher.submit((id, observation))

    async def change(self, **record: Any) -> None:
        """Opens, restores or closes a stream, as `journal.change`. Raises: `GatewiseError`."""
        await self._call(lambda: self._changed(record))

    async def save(self, id: str) -> bytes:
        """The state of a stream as bytes. Raises: `RequestError` if it has no step yet."""
        return await self._call(lambda: self._saved(id))

    async def close(self) -> None:
        """Computes what waits, writes the snapshot, and ends the thread."""
        self._batcher.flush()
        await self._call(self._ended)
        self._thread.shutdown()

    async def _call(self, function: Callable[[], Result]) -> Result:
        """The result of a function, called in the thread after all that arrived before."""
        self._batcher.flush()
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def _stepped(self, steps: Sequence[tuple[str, Any]]) -> list[Stepped | Exception]:
        """The results of steps, in the thread; they are in the journal before they are returned."""
        self._observe(len(steps))
        results: dict[int, Stepped | Exception] = {}
        left = list(enumerate(steps))
        while left:
            together: dict[str, tuple[int, Any]] = {}
            later = []
            for place, (id, observation) in left:
                if id in together:  # one step of each stream in a batch
                    later.append((place, (id, observation)))
                elif id not in self.sessions:
                    results[place] = RequestError(404, f"there is no stream {id!r}; open it first")
                else:
                    together[id] = place, observation
            results |= self._computed(together)
            left = later
        return [results[place] for place in range(len(steps))]

    def _computed(self, together: dict[str, tuple[int, Any]]) -> dict[int, Stepped | Exception]:
        observations = {id: observation for id, (_, observation) in together.items()}
        if self._journal is not None and observations:  # first: a step that can't be written is not computed
            self._journal.append(
                {"do": "step", "id": id, "observation": one} for id, one in observations.items()
            )
        answers = answered(self._stream, observations)
        results: dict[int, Stepped | Exception] = {}
        for id, answer in answers.items():
            if isinstance(answer, Exception):
                results[together[id][0]] = answer
                continue
            self.sessions[id]["steps"] += 1
            results[together[id][0]] = Stepped(plain(answer), self.sessions[id]["steps"])
        self._rotate()
        return results

    def _changed(self, record: dict[str, Any]) -> None:
        change(self._stream, self.sessions, record)
        if self._journal is not None:
            self._journal.append([record])
            self._rotate()

    def _saved(self, id: str) -> bytes:
        if id not in self._stream:
            raise RequestError(409, f"the stream {id!r} has no step yet, and so no state")
        return self._stream.save([id])

    def _rotate(self) -> None:
        if self._journal is not None and self._journal.is_long:
            self._journal.rotate(self._stream, self.sessions)

    def _ended(self) -> None:
        if self._journal is not None:
            self._journal.rotate(self._stream, self.sessions)
            self._journal.close()

"""Collects what arrives together, and computes it in one call in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Items that arrive within `max_wait` of the first are computed in one call, in their order.

    Args:
        compute: returns the result or the error of each item; called in a thread
        threads: the threads
        max_wait: in seconds; max_batch: the most items of a call
    """

    def __init__(
        self,
        compute: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        threads: Executor,
        max_wait: float,
        max_batch: int,
    ) -> None:
        self._compute, self._threads = compute, threads
        self._max_wait, self._max_batch = max_wait, max_batch
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._timer: asyncio.TimerHandle | None = None

    async def submit(self, item: Item) -> Result:
        """The result of an item. Raises: its error."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, result))
        if len(self._waiting) >= self._max_batch:
            self.flush()
        elif self._timer is None:
            self._timer = loop.call_later(self._max_wait, self.flush)
        return await result

    def flush(self) -> None:
        """Hands all items that wait to a thread."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        items = [item for item, _ in batch]
        task = asyncio.get_running_loop().run_in_executor(self._threads, self._compute, items)

        def distribute(done: asyncio.Future[Sequence[Result | Exception]]) -> None:
            failure = done.exception()
            results = [failure] * len(batch) if failure is not None else done.result()
            for (_, waiting), result in zip(batch, results, strict=True):
                if waiting.done():  # its client has gone
                    continue
                if isinstance(result, BaseException):
                    waiting.set_exception(result)
                else:
                    waiting.set_result(result)

        task.add_done_callback(distribute)

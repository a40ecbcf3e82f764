"""A text cut into streams that run side by side, for truncated backpropagation with carried state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gatewise.data.text.text import Text
from gatewise.errors import GatewiseError

WARM_UP = 256  # symbols that a stream reads before its own first one, where there are so many


class TextBatch(NamedTuple):
    """A chunk of each of B streams.

    symbols: [B, T + 1]; each but the first is to be foretold
    first: whether the streams begin here; else they go on where the batch before ended
    skip: how many of the T are there only to be read
    fresh: [B], which of the streams go on as if they began here; None for none
    """

    symbols: Tensor
    first: bool
    skip: int
    fresh: Tensor | None = None


class TextStreams:
    """A part of a text as `rows` streams of equal length, in chunks of `steps` symbols.

    chunks: at most so many are an epoch; the next one goes on where it ended, with an empty state. 0 for all.
    fresh: how likely a stream forgets all before a chunk, so that a network learns to begin anywhere
    """

    def __init__(self, text: Text, steps: int, chunks: int = 0, fresh: float = 0.0) -> None:
        self.text, self.steps, self.chunks, self.fresh = text, steps, chunks, fresh

    def __len__(self) -> int:
        return len(self.text) // self.steps

    def streams(self, rows: int, first: int, last: int) -> Streams:
        """Rows `first` to `last` (excluded) of all `rows`.

        Raises: `GatewiseError` if the text is too short.
        """
        return Streams(self, rows, first, last)


class Streams(Sequence[TextBatch]):
    """Some of the streams that a text is cut into: batch n goes on where batch n-1 ended.

    What is left over at the end, less than a symbol for each row, belongs to no stream.
    """

    def __init__(self, source: TextStreams, rows: int, first: int, last: int) -> None:
        self.text, self.steps = source.text, source.steps
        own = len(self.text) - (self.text.before == 0)  # without one before it, the first can't be foretold
        self.length = own // rows
        if self.length < 1:
            raise GatewiseError(
                f"a part of the text has {len(self.text)} symbols, too few for {rows} streams; "
                "give a longer text or a lower --batch-size"
            )
        self.starts = [len(self.text) - own + row * self.length for row in range(first, last)]
        self.warm_up = max(min(WARM_UP, self.text.before - 1), 0)
        self._all = -(-self.length // self.steps)
        self._chunks = min(source.chunks or self._all, self._all)
        self._fresh, self._rows, self._own = source.fresh, rows, slice(first, last)
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Which chunks come, those after the last epoch's, and which streams forget."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._chunks

    def __getitem__(self, number: int) -> TextBatch:  # type: ignore[override]
        if not 0 <= number < self._chunks:
            raise IndexError(f"there are {self._chunks} batches; there is no number {number}")
        chunk = (self._epoch * self._chunks + number) % self._all
        begins = number == 0 or chunk == 0
        skip = self.warm_up if begins else 0
        first, last = chunk * self.steps - skip, min((chunk + 1) * self.steps, self.length)
        rows = [self.text.symbols(start - 1 + first, start + last) for start in self.starts]
        symbols = torch.stack([torch.from_numpy(row) for row in rows])
        return TextBatch(symbols, begins, skip, self._forgetful(number) if self._fresh else None)

    def _forgetful(self, number: int) -> Tensor:
        """By epoch and batch alone, so that all processes, and a resumed training, draw the same."""
        drawn = np.random.default_rng((self._epoch, number)).random(self._rows)
        return torch.from_numpy(drawn[self._own] < self._fresh)

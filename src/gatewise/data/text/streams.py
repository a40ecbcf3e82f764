"""A text cut into parallel streams, for truncated backpropagation with carried state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gatewise.data.text.text import Text
from gatewise.errors import GatewiseError

WARM_UP = 256  # symbols that a stream reads before its own first one, if there are that many


class TextBatch(NamedTuple):
    """A chunk of each of B streams.

    symbols: [B, T + 1], of which all but the first are predicted
    first: whether the streams begin here; otherwise they continue the batch before
    skip: the first of the T steps that are read without a loss
    fresh: [B], the streams whose state is reset; None for none
    """

    symbols: Tensor
    first: bool
    skip: int
    fresh: Tensor | None = None


class TextStreams:
    """One set of a text as parallel streams of equal length, in chunks of `steps` symbols.

    chunks: of an epoch at most, 0 for all; the next epoch continues there with an empty state
    fresh: the probability that a stream's state is reset before a chunk, so that a network learns to begin
        anywhere
    """

    text: Text
    steps: int
    chunks: int
    fresh: float

    def __init__(self, text: Text, steps: int, chunks: int = 0, fresh: float = 0.0) -> None:
        self.text, self.steps, self.chunks, self.fresh = text, steps, chunks, fresh

    def __len__(self) -> int:
        return len(self.text) // self.steps

    def streams(self, rows: int, first: int, last: int) -> Streams:
        """The streams `first` to `last` (excluded) of `rows` streams.

        Raises: `GatewiseError` if the text is too short.
        """
        return Streams(self, rows, first, last)


class Streams(Sequence[TextBatch]):
    """Some of the streams of a text; batch n continues batch n-1.

    The remainder at the end of the text, less than a symbol for each stream, is not used.
    """

    text: Text
    steps: int
    length: int
    starts: list[int]
    warm_up: int

    def __init__(self, source: TextStreams, rows: int, first: int, last: int) -> None:
        self.text, self.steps = source.text, source.steps
        own = len(self.text) - (self.text.before == 0)  # the first symbol of a whole text is not predicted
        self.length = own // rows
        if self.length < 1:
            raise GatewiseError(
                f"a set of the text has {len(self.text)} symbols, too few for {rows} streams; "
                "give a longer text or a smaller --batch-size"
            )
        self.starts = [len(self.text) - own + row * self.length for row in range(first, last)]
        self.warm_up = max(min(WARM_UP, self.text.before - 1), 0)
        self._all = -(-self.length // self.steps)
        self._chunks = min(source.chunks or self._all, self._all)
        self._fresh, self._rows, self._own = source.fresh, rows, slice(first, last)
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Selects the chunks of an epoch, and the streams whose state is reset."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._chunks

    def __getitem__(self, number: int) -> TextBatch:  # type: ignore[override]
        if not 0 <= number < self._chunks:
            raise IndexError(f"expected the number of one of {self._chunks} batches, got {number}")
        chunk = (self._epoch * self._chunks + number) % self._all
        begins = number == 0 or chunk == 0
        skip = self.warm_up if begins else 0
        first, last = chunk * self.steps - skip, min((chunk + 1) * self.steps, self.length)
        rows = [self.text.symbols(start - 1 + first, start + last) for start in self.starts]
        symbols = torch.stack([torch.from_numpy(row) for row in rows])
        return TextBatch(symbols, begins, skip, self._draw_fresh(number) if self._fresh else None)

    def _draw_fresh(self, number: int) -> Tensor:
        """Depends on epoch and batch only, so that all processes, and a resumed training, draw the same."""
        drawn = np.random.default_rng((self._epoch, number)).random(self._rows)
        return torch.from_numpy(drawn[self._own] < self._fresh)

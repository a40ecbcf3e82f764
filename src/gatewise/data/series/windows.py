"""Windows over series: a past as input and a future to forecast, cut as views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

BLOCK = 1024  # windows
UNSEEN_RATE = 0.05  # of the windows in training, for each static column of categories


class WindowBatch(NamedTuple):
    """The input of a forecasting network, scaled.

    past: [B, L, 1 + C + D], the target, then known and observed covariates
    future: [B, Q, C], the known covariates of the steps to forecast
    truth: [B, Q], the target of these steps, NaN where it is missing
    series: [B], the number of the series of each window
    static: [B, S], the static inputs of these series
    """

    past: Tensor
    future: Tensor
    truth: Tensor
    series: Tensor
    static: Tensor

    @property
    def inputs(self) -> tuple[Tensor, Tensor, Tensor]:
        """The arguments of a network: past, future and static inputs."""
        return self.past, self.future, self.static

    def every(self, step: int, first: int) -> WindowBatch:
        """Every `step`-th window, from `first` on."""
        return WindowBatch(*(one[first::step] for one in self))


class StaticInputs(NamedTuple):
    """The static inputs of series.

    values: [series, S]
    categories: the columns of each of those that are categories, of which the last is that of unseen ones
    """

    values: Tensor
    categories: tuple[slice, ...]


class Windows(Dataset[WindowBatch]):
    """Windows of `context + horizon` steps.

    values: [S, 1 + C + D], all series, concatenated
    starts, series: [windows], the first row of each window, and the number of its series
    truth: [S], the target where it is not that of `values`: NaN where it is missing and filled there
    static: the static inputs of each series, if there are any
    """

    context: int
    horizon: int
    known: int
    static: StaticInputs | None
    values: Tensor
    starts: Tensor
    series: Tensor
    truth: Tensor | None
    view: Tensor

    def __init__(
        self,
        values: Tensor,
        starts: Tensor,
        series: Tensor,
        context: int,
        horizon: int,
        known: int,
        truth: Tensor | None = None,
        static: StaticInputs | None = None,
    ) -> None:
        self.context, self.horizon, self.known, self.static = context, horizon, known, static
        self.values, self.starts, self.series, self.truth = values, starts, series, truth
        self.view = values.unfold(0, context + horizon, 1)  # [S - context - horizon + 1, 1 + C + D, L + Q]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, number: int) -> WindowBatch:
        return WindowBatch(*(part[0] for part in self.__getitems__([number])))

    def __getitems__(self, numbers: list[int]) -> WindowBatch:
        """A batch of windows, as a DataLoader fetches it."""
        chosen = torch.as_tensor(numbers)
        both = self.view[self.starts[chosen]].transpose(1, 2)
        past, future = both[:, : self.context], both[:, self.context :]
        truth = future[:, :, 0]
        if self.truth is not None:
            truth = self.truth[self.starts[chosen, None] + self.context + torch.arange(self.horizon)]
        series = self.series[chosen]
        static = no_static(past) if self.static is None else self.static.values[series]
        return WindowBatch(past, future[:, :, 1 : 1 + self.known], truth, series, static)

    def all(self) -> WindowBatch:
        """Every window as one batch."""
        return self.__getitems__(list(range(len(self))))

    def blocks(self) -> Iterator[WindowBatch]:
        """Every window, in order, in batches of at most `BLOCK` windows."""
        for numbers in torch.arange(len(self)).split(BLOCK):
            yield self.__getitems__(numbers.tolist())

    def joined(self, other: Windows) -> Windows:
        """These windows and others over the same series."""
        return self._at(torch.cat([self.starts, other.starts]), torch.cat([self.series, other.series]))

    def sample(self, limit: int) -> Windows:
        """At most `limit` windows in their order, drawn at random, always the same ones."""
        if len(self) <= limit:
            return self
        drawn = np.random.default_rng(0).choice(len(self), limit, replace=False)
        numbers = torch.from_numpy(np.sort(drawn))
        return self._at(self.starts[numbers], self.series[numbers])

    def _at(self, starts: Tensor, series: Tensor) -> Windows:
        """Other windows over the same series."""
        return Windows(
            self.values, starts, series, self.context, self.horizon, self.known, self.truth, self.static
        )


class WindowsWithUnseen(Windows):
    """Windows in which static categories are now and then unseen ones, whose vector networks learn from them.

    windows: as they are, with static inputs
    """

    def __init__(self, windows: Windows) -> None:
        vars(self).update(vars(windows))

    def __getitems__(self, numbers: list[int]) -> WindowBatch:
        batch = super().__getitems__(numbers)
        assert self.static is not None
        static = batch.static.clone()
        for columns in self.static.categories:
            hidden = torch.rand(len(static)) < UNSEEN_RATE
            static[hidden, columns] = torch.eye(columns.stop - columns.start)[-1]
        return batch._replace(static=static)


def no_static(past: Tensor) -> Tensor:
    """[B, 0]: the static inputs of windows [B, L, 1 + C + D] whose series have none."""
    return past.new_zeros(past.shape[0], 0)


def window_starts(first: int, last: int, context: int, horizon: int) -> np.ndarray:
    """The starts of windows whose forecast steps lie in `first..last` (last excluded)."""
    return np.arange(max(first, context) - context, max(last - horizon - context, -1) + 1)

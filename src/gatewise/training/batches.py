"""Batches of a dataset, independent of the number of processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from gatewise.errors import GatewiseError

POOL = 32  # batches within which examples are sorted by size


class GlobalBatches(Sampler[list[int]]):
    """The indices of the examples of each batch; every process gets its own rows of every batch.

    sizes: of the examples; examples of similar size share a batch, which limits padding
    passes: over the examples in one epoch, each in another order
    max_steps: batches of an epoch; if the examples make more, each epoch draws other examples at random

    >>> first, second = (GlobalBatches(5, 4, rank, 2, shuffle=False) for rank in (0, 1))
    >>> list(first), list(second)
    ([[0, 2], [4]], [[1, 3]])
    """

    examples: int
    batch_size: int
    rank: int
    world: int
    shuffle: bool
    seed: int
    passes: int
    epoch: int
    sizes: torch.Tensor | None

    def __init__(
        self,
        examples: int,
        batch_size: int,
        rank: int = 0,
        world: int = 1,
        shuffle: bool = True,
        seed: int = 0,
        sizes: Sequence[int] | None = None,
        passes: int = 1,
        max_steps: int | None = None,
    ) -> None:
        if shuffle and examples < world:
            raise GatewiseError(f"{examples} training examples can't be split among {world} processes")
        self.examples, self.batch_size, self.rank, self.world = examples, batch_size, rank, world
        self.shuffle, self.seed, self.passes, self.epoch = shuffle, seed, passes, 0
        self.max_steps = max_steps
        self.sizes = None if sizes is None else torch.as_tensor(sizes)

    def set_epoch(self, epoch: int) -> None:
        """Selects the order of an epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._own())

    def __iter__(self) -> Iterator[list[int]]:
        # The order is drawn at the first batch: Lightning sets the epoch after it requests the iterator.
        for batch in self._own():
            yield batch.tolist()

    def _own(self) -> list[torch.Tensor]:
        """The rows of this process. In training each process needs a row, since they wait for each other."""
        batches = [one[self.rank :: self.world] for one in self._all() if len(one) >= self._least()]
        return [one for one in batches if len(one)]

    def _least(self) -> int:
        return self.world if self.shuffle else 1

    def _all(self) -> list[torch.Tensor]:
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return [batch for _ in range(self.passes) for batch in self._pass(random)][: self.max_steps]

    def _pass(self, random: torch.Generator) -> list[torch.Tensor]:
        order = self._order(random)
        if self.sizes is None:
            return list(order.split(self.batch_size))
        pools = order.split(POOL * self.batch_size) if self.shuffle else (order,)
        pools = tuple(pool[self.sizes[pool].argsort(stable=True)] for pool in pools)
        batches = [batch for pool in pools for batch in pool.split(self.batch_size)]
        if self.shuffle:
            batches = [batches[index] for index in torch.randperm(len(batches), generator=random).tolist()]
        return batches

    def _order(self, random: torch.Generator) -> torch.Tensor:
        """The examples of one pass."""
        if not self.shuffle:
            return torch.arange(self.examples)
        if self.max_steps is None or self.max_steps * self.batch_size >= self.examples:
            return torch.randperm(self.examples, generator=random)
        # Takes time and memory for the examples that are drawn, not for all of them.
        drawn = np.random.default_rng((self.seed, self.epoch)).choice(
            self.examples, self.max_steps * self.batch_size, replace=False
        )
        return torch.from_numpy(drawn)


class _Batched(Dataset[Any]):
    """A dataset whose items are whole batches."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __getitem__(self, numbers: list[int]) -> Any:
        return self.dataset.__getitems__(numbers)


class _InOrder(Sampler[int]):
    """The indices of the batches of streams; passes the epoch on to streams with `set_epoch`."""

    def __init__(self, streams: Sequence[Any]) -> None:
        self.streams = streams

    def set_epoch(self, epoch: int) -> None:
        if hasattr(self.streams, "set_epoch"):
            self.streams.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.streams)

    def __iter__(self) -> Iterator[int]:
        yield from range(len(self.streams))


def loader(
    dataset: Sized,
    batch_size: int,
    rank: int,
    world: int,
    shuffle: bool,
    seed: int,
    passes: int = 1,
    max_steps: int | None = None,
) -> DataLoader[Any]:
    """Batches of examples in any order, or of streams (a dataset with `streams`) in their own order.

    Streams are `batch_size` rows that run in parallel through the data once; each process reads its rows.

    passes, max_steps: of an epoch over examples, as in `GlobalBatches`
    """
    if hasattr(dataset, "streams"):
        if batch_size < world:
            raise GatewiseError(f"a batch of {batch_size} streams can't be split among {world} processes")
        first, last = rank * batch_size // world, (rank + 1) * batch_size // world
        streams = dataset.streams(batch_size, first, last)
        return DataLoader(streams, batch_size=None, sampler=_InOrder(streams))
    limit = getattr(dataset, "max_batch_size", 8 * batch_size)
    size = batch_size if shuffle else max(batch_size, min(8 * batch_size, limit))
    sizes = getattr(dataset, "sizes", None)
    sampler = GlobalBatches(len(dataset), size, rank, world, shuffle, seed, sizes, passes, max_steps)
    return DataLoader(_Batched(dataset), batch_size=None, sampler=sampler)

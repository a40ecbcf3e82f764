"""Batches of a data set, the same however many processes share them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from gatewise.errors import GatewiseError

POOL = 32  # batches within which examples are sorted by their size


class GlobalBatches(Sampler[list[int]]):
    """The numbers of the examples of each batch; every process gets its rows of every batch.

    sizes: where given, examples of like size share a batch, so that little is padded
    rounds: how often an epoch goes over the examples, in another order each time

    >>> first, second = (GlobalBatches(5, 4, rank, 2, shuffle=False) for rank in (0, 1))
    >>> list(first), list(second)
    ([[0, 2], [4]], [[1, 3]])
    """

    def __init__(
        self,
        examples: int,
        batch_size: int,
        rank: int = 0,
        world: int = 1,
        shuffle: bool = True,
        seed: int = 0,
        sizes: Sequence[int] | None = None,
        rounds: int = 1,
    ) -> None:
        if shuffle and examples < world:
            raise GatewiseError(f"{examples} examples to train on can't be shared by {world} processes")
        self.examples, self.batch_size, self.rank, self.world = examples, batch_size, rank, world
        self.shuffle, self.seed, self.rounds, self.epoch = shuffle, seed, rounds, 0
        self.sizes = None if sizes is None else torch.as_tensor(sizes)

    def set_epoch(self, epoch: int) -> None:
        """Another order for each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._own())

    def __iter__(self) -> Iterator[list[int]]:
        for (
            batch
        ) in self._own():  # at the first batch: Lightning sets the epoch after it asks for the iterator
            yield batch.tolist()

    def _own(self) -> list[torch.Tensor]:
        """This process's rows. In training all processes need a row, as they wait for each other."""
        batches = [one[self.rank :: self.world] for one in self._all() if len(one) >= self._least()]
        return [one for one in batches if len(one)]

    def _least(self) -> int:
        return self.world if self.shuffle else 1

    def _all(self) -> list[torch.Tensor]:
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return [batch for _ in range(self.rounds) for batch in self._round(random)]

    def _round(self, random: torch.Generator) -> list[torch.Tensor]:
        order = (
            torch.randperm(self.examples, generator=random) if self.shuffle else torch.arange(self.examples)
        )
        if self.sizes is None:
            return list(order.split(self.batch_size))
        pools = order.split(POOL * self.batch_size) if self.shuffle else (order,)
        pools = tuple(pool[self.sizes[pool].argsort(stable=True)] for pool in pools)
        batches = [batch for pool in pools for batch in pool.split(self.batch_size)]
        if self.shuffle:
            batches = [batches[place] for place in torch.randperm(len(batches), generator=random).tolist()]
        return batches


class _Whole(Dataset[Any]):
    """A data set that is asked for a whole batch at once."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __getitem__(self, numbers: list[int]) -> Any:
        return self.dataset.__getitems__(numbers)


class _InOrder(Sampler[int]):
    """The numbers of the batches of streams; streams with `set_epoch` hear which epoch it is."""

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
    dataset: Any, batch_size: int, rank: int, world: int, shuffle: bool, seed: int, rounds: int = 1
) -> DataLoader[Any]:
    """Batches of examples in any order, or of streams (a data set with `streams`) in their own.

    Streams: this process's share of `batch_size` rows that run side by side through the data, once.
    """
    if hasattr(dataset, "streams"):
        if batch_size < world:
            raise GatewiseError(f"a batch of {batch_size} streams can't be shared by {world} processes")
        first, last = rank * batch_size // world, (rank + 1) * batch_size // world
        streams = dataset.streams(batch_size, first, last)
        return DataLoader(streams, batch_size=None, sampler=_InOrder(streams))
    most = getattr(dataset, "at_once", 8 * batch_size)
    size = batch_size if shuffle else max(batch_size, min(8 * batch_size, most))
    sizes = getattr(dataset, "sizes", None)
    sampler = GlobalBatches(len(dataset), size, rank, world, shuffle, seed, sizes, rounds)
    return DataLoader(_Whole(dataset), batch_size=None, sampler=sampler)

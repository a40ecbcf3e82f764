"""Batches of examples of similar length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

STEPS_AT_ONCE = 2**14
MAX_EXAMPLES = 256

Batch = TypeVar("Batch")
BatchRead = TypeVar("BatchRead", covariant=True)


class Examples(Protocol[BatchRead]):
    """A dataset that is read in batches; `sizes`, if it has them, are the steps of each example."""

    def __len__(self) -> int: ...

    def __getitems__(self, numbers: list[int], /) -> BatchRead: ...


def iterate_batches(
    dataset: Examples[Batch], numbers: Tensor | None = None
) -> Iterator[tuple[Tensor, Batch]]:
    """Yields the numbers and the batch of all examples, or of those with these `numbers`.

    Examples of similar size share a batch; batches of long examples are small, to save memory.
    """
    numbers = torch.arange(len(dataset)) if numbers is None else numbers
    sizes = getattr(dataset, "sizes", None)
    if sizes is not None:
        numbers = numbers[torch.as_tensor(sizes)[numbers].argsort(stable=True)]
    first = 0
    while first < len(numbers):
        batch = numbers[first : first + MAX_EXAMPLES]
        if sizes is not None:
            batch = batch[: max(STEPS_AT_ONCE // max(int(sizes[int(batch[-1])]), 1), 1)]
        yield batch, dataset.__getitems__(batch.tolist())
        first += len(batch)


def computed_in_batches(dataset: Examples[Batch], compute: Callable[[Batch], Tensor]) -> Tensor:
    """[N, ...]: what is computed of all examples of a dataset, in their order, without a gradient.

    compute: of a batch of B examples, [B, ...]
    """
    results, numbers = [], []
    with torch.inference_mode():
        for chosen, batch in iterate_batches(dataset):
            results.append(compute(batch))
            numbers.append(chosen)
    return torch.cat(results)[torch.cat(numbers).argsort()]


def even_batches(sizes: np.ndarray) -> list[list[int]]:
    """Batches of the numbers of sequences, longest first, with a bounded number of padded steps each.

    sizes: [N], the length of each sequence

    >>> even_batches(np.array([100, 10_000, 9_000, 100]))
    [[1], [2], [0, 3]]
    """
    batches: list[list[int]] = [[]]
    for number in np.argsort(-sizes, kind="stable").tolist():
        if batches[-1] and (len(batches[-1]) + 1) * sizes[batches[-1][0]] > STEPS_AT_ONCE:
            batches.append([])
        batches[-1].append(number)
    return [rows for rows in batches if rows]

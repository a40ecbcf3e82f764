"""The rows of a lattice in the order of its diagonals, with those before and after each along every axis.

A place is a position, or, outside the lattice, the initial state of a position along one axis. Places are
numbered: positions in row-major order, then the initial states of each axis. A block holds the positions of
a diagonal, and the initial states that the next diagonal reads; the first block has initial states only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from math import prod

import torch
from torch import Tensor

Lengths = tuple[int, ...]  # of a lattice along each axis


@dataclass(frozen=True)
class Region:
    """Successive blocks of the same size.

    first: the place in order with which the first block begins; blocks: their number
    positions, places: of each block
    """

    first: int
    blocks: int
    positions: int
    places: int


@dataclass(frozen=True, eq=False)
class Places:
    """The places of a lattice in the order of computation.

    numbers: of each place; after: for each axis the index in the next block of the place that reads it, or -1
    before: for each axis and position, by number, the number of the place that it reads
    faces: for each axis, the number of its first initial state
    """

    numbers: Tensor
    after: Tensor
    before: Tensor
    faces: tuple[int, ...]
    regions: tuple[Region, ...]

    @property
    def positions(self) -> int:
        """The number of positions."""
        return self.before.shape[1]

    @property
    def most(self) -> int:
        """The places of the largest block."""
        return max(one.places for one in self.regions)


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def places(sizes: Lengths, device: torch.device) -> Places:
    """The places of a lattice, kept for the next call, which may be recorded.

    >>> found = places((2, 3), torch.device("cpu"))
    >>> found.numbers.tolist()
    [6, 9, 0, 7, 10, 1, 3, 8, 2, 4, 5]
    >>> found.before.tolist()
    [[6, 7, 8, 0, 1, 2], [9, 0, 1, 10, 3, 4]]
    """
    axes, count = range(len(sizes)), prod(sizes)
    at = torch.stack(torch.meshgrid(*map(torch.arange, sizes), indexing="ij")).flatten(1)
    diagonal, own = at.sum(0), torch.arange(count)
    strides = [prod(sizes[axis + 1 :]) for axis in axes]
    faces, total = [], count
    for axis in axes:
        faces.append(total)
        total += count // sizes[axis]
    before = torch.empty(len(sizes), count, dtype=torch.int64)
    after = torch.full((len(sizes), total), -1)  # by number
    block = torch.cat([diagonal + 1, torch.empty(total - count, dtype=torch.int64)])
    for axis in axes:
        entering = at[axis] == 0
        initial = faces[axis] + torch.arange(count // sizes[axis])
        before[axis] = own - strides[axis]
        before[axis, entering] = initial
        after[axis, before[axis]] = own
        block[initial] = diagonal[entering]
    is_given = torch.arange(total) >= count
    order = torch.argsort(2 * block + is_given, stable=True)
    sizes_of = torch.bincount(block)
    index = torch.empty_like(order)  # of each place in its block
    index[order] = torch.arange(total) - (sizes_of.cumsum(0) - sizes_of)[block[order]]
    after = torch.where(after < 0, -1, index[after])[:, order]
    positions = torch.bincount(block[:count], minlength=len(sizes_of))
    return Places(
        order.to(device), after.to(device), before.to(device), tuple(faces),
        tuple(_regions(positions.tolist(), sizes_of.tolist())),
    )  # fmt: skip


def _regions(positions: list[int], sizes: list[int]) -> list[Region]:
    found, first = [], 0
    for (own, size), alike in groupby(zip(positions, sizes, strict=True)):
        blocks = len(list(alike))
        found.append(Region(first, blocks, own, size))
        first += blocks * size
    return found

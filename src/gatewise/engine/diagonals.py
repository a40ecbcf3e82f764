"""A cell over a lattice in plain PyTorch: all positions of a diagonal at once.

A position reads its predecessors along each axis, so all positions whose coordinates sum to s can be
computed together after those of s - 1: in sum(L) - N + 1 steps instead of prod(L).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor

from gatewise.engine.recording import recording
from gatewise.engine.request import LayerResult, Request, Trace
from gatewise.engine.sequences import backwards, within
from gatewise.engine.step import NO_CLAMPS, CellStep, Clamps

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Diagonal:
    """The positions of one diagonal, by number in row-major order, and their predecessors.

    before: for each axis [n], a row of the previous diagonal, or, after those, of the initial states
    entering: for each axis the positions on its side whose initial states are read
    """

    positions: Tensor
    before: tuple[Tensor, ...]
    entering: tuple[Tensor, ...]


def diagonals(sizes: Sizes) -> tuple[Diagonal, ...]:
    """The diagonals of a lattice, from the first corner to the last.

    >>> [one.positions.tolist() for one in diagonals((2, 3))]
    [[0], [1, 3], [2, 4], [5]]
    """
    # While a graph is recorded, tensors must neither come from the cache nor go there.
    return _made(sizes) if recording() else _known(sizes)


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _known(sizes: Sizes) -> tuple[Diagonal, ...]:
    """The diagonals as normal tensors, even if the first call is in inference mode."""
    return _made(sizes)


def _made(sizes: Sizes) -> tuple[Diagonal, ...]:
    return tuple(
        Diagonal(torch.tensor(positions), tuple(map(torch.tensor, before)), tuple(map(_whole, entering)))
        for positions, before, entering in _places(sizes)
    )


def _whole(numbers: list[int]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int64)  # also if empty


@lru_cache(maxsize=32)
def _places(sizes: Sizes) -> list[tuple[list[int], list[list[int]], list[list[int]]]]:
    """For each diagonal its positions, and for each axis the rows they read and the initial states."""
    strides, count = _strides(sizes), sum(sizes) - len(sizes) + 1
    of_step: list[list[tuple[int, ...]]] = [[] for _ in range(count)]
    for place in product(*map(range, sizes)):
        of_step[sum(place)].append(place)
    found, row = [], dict[tuple[int, ...], int]()  # the row of each position of the previous diagonal
    for places in of_step:
        before: list[list[int]] = [[] for _ in sizes]
        entering: list[list[int]] = [[] for _ in sizes]
        for place, axis in product(places, range(len(sizes))):
            back, side = (
                (*place[:axis], place[axis] - 1, *place[axis + 1 :]),
                place[:axis] + place[axis + 1 :],
            )
            if place[axis]:
                before[axis].append(row[back])
            else:
                before[axis].append(len(row) + len(entering[axis]))
                across = _strides(sizes[:axis] + sizes[axis + 1 :])
                entering[axis].append(sum(at * stride for at, stride in zip(side, across, strict=True)))
        row = {place: number for number, place in enumerate(places)}
        positions = [sum(at * stride for at, stride in zip(place, strides, strict=True)) for place in places]
        found.append((positions, before, entering))
    return found


def over_lattice(request: Request, clamps: Clamps = NO_CLAMPS) -> LayerResult:
    """A cell over a batch of lattices, diagonal by diagonal."""
    cell, axes = request.cell, request.cell.axes
    sizes, lengths = tuple(request.inputs.shape[:axes]), request.lengths
    own = None if lengths is None else inside(sizes, lengths)
    inputs = request.inputs if own is None else request.inputs.masked_fill(~own, 0.0)
    step = CellStep(request, clamps)
    history, order = _diagonal_by_diagonal(request, step, mirrored(inputs, request, range(axes)), sizes)
    kept = [*cell.state, *cell.intermediates] if request.trace else cell.state
    whole = {name: torch.cat(history[name])[order].unflatten(0, sizes) for name in kept}
    if own is not None:
        seen = mirrored(own, request, range(axes))  # samples are in the corner where the scan starts
        whole = {name: values.masked_fill(~seen, 0.0) for name, values in whole.items()}
    final = {
        name: final_along(whole[one.state], request, one.axis - 1) for name, one in cell.previous.items()
    }
    whole = {name: mirrored(values, request, range(axes)) for name, values in whole.items()}
    trace = None
    if request.trace:
        trace = Trace(
            {name: whole[name] for name in cell.state}, {name: whole[name] for name in cell.intermediates}
        )
    return LayerResult(whole[cell.state[0]], final, trace)


def mirrored(values: Tensor, request: Request, axes: range | list[int]) -> Tensor:
    """[*L, B, F], or the given axes of L, in the order of the scan."""
    reversed_axes = [place for place, axis in enumerate(axes) if request.directions[axis]]
    if request.lengths is None or not reversed_axes:
        return values.flip(reversed_axes) if reversed_axes else values
    for place in reversed_axes:
        own = request.lengths[:, axes[place]].to(values.device)
        values = backwards(values.movedim((place, -2), (0, 1)), own).movedim((0, 1), (place, -2))
    return values


def _diagonal_by_diagonal(
    request: Request, step: CellStep, inputs: Tensor, sizes: Sizes
) -> tuple[dict[str, list[Tensor]], Tensor]:
    """Every line at every diagonal, [n, B, H] each; and the index of each position among all of them."""
    cell, steps = request.cell, diagonals(sizes)
    order = torch.cat([one.positions for one in steps]).argsort().to(inputs.device)
    kept = [*cell.state, *cell.intermediates] if request.trace else cell.state
    history: dict[str, list[Tensor]] = {name: [] for name in kept}
    entering = {name: initial_along(request, name).flatten(0, -3) for name in cell.previous}
    by_position = inputs.flatten(0, len(sizes) - 1)
    ordered = by_position[torch.cat([one.positions for one in steps]).to(inputs.device)]
    seen = step.input_products(ordered, [len(one.positions) for one in steps])
    for diagonal, products in zip(steps, seen, strict=True):
        before = {}
        for name, one in cell.previous.items():
            axis = max(0, one.axis - 1)
            fresh = entering[name].index_select(0, diagonal.entering[axis].to(inputs.device))
            rows = torch.cat([history[one.state][-1], fresh]) if history[one.state] else fresh
            before[name] = rows.index_select(0, diagonal.before[axis].to(inputs.device))
        lines = step(products, before)
        for name, values in history.items():
            values.append(lines[name])
    return history, order


def initial_along(request: Request, name: str) -> Tensor:
    """The initial states along one axis, [*F, B, H], in the order of the scan."""
    axis = request.cell.previous[name].axis - 1
    others = [other for other in range(request.cell.axes) if other != axis]
    values = request.state[name]
    if request.lengths is not None:  # positions outside a sample may contain anything, NaN included
        values = values.masked_fill(~inside(values.shape[:-2], request.lengths[:, others]), 0.0)
    return mirrored(values, request, others)


def final_along(values: Tensor, request: Request, axis: int) -> Tensor:
    """The final states along an axis, [*F, B, H], in the order of the caller."""
    if request.lengths is None:
        last = values.select(axis, -1)
    else:
        place = (request.lengths[:, axis].to(values.device) - 1)[:, None]
        shape = [1 if other == axis else size for other, size in enumerate(values.shape)]
        last = values.gather(axis, place.expand(shape)).squeeze(axis)
    return mirrored(last, request, [other for other in range(request.cell.axes) if other != axis])


def inside(sizes: Sizes, lengths: Tensor) -> Tensor:
    """[*L, B, 1] bool: whether a position is inside its sample; lengths: [B, N]."""
    found = torch.ones((), dtype=torch.bool, device=lengths.device)
    for axis, size in enumerate(sizes):
        own = within(lengths[:, axis], size)
        found = found & own.reshape([size if other == axis else 1 for other in range(len(sizes))] + [-1])
    return found[..., None]


def _strides(sizes: Sizes) -> list[int]:
    """The stride of each axis in row-major order."""
    strides = [1]
    for size in reversed(sizes[1:]):
        strides.insert(0, strides[0] * size)
    return strides[: len(sizes)]

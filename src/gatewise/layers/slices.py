"""A grid whose weights differ along some axes: one slice after another, each from the last one's states."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.engine.request import LayerResult, Trace
from gatewise.layers.scan_directions import ScanDirection

Place = tuple[int, ...]  # an index along each untied axis, in the order of the scan


class Slices:
    """One direction of a grid, cut into slices of one index along each untied axis.

    given: the initial states of the grid, by name; results: of each slice, added in the order of the scan
    """

    cell: CellType
    untied: dict[int, int]
    direction: ScanDirection
    given: dict[str, Tensor]

    def __init__(
        self, cell: CellType, untied: dict[int, int], direction: ScanDirection, given: dict[str, Tensor]
    ) -> None:
        self.cell, self.untied, self.direction, self.given = cell, untied, direction, given
        self.results: dict[Place, LayerResult] = {}

    def initial_states(self, place: Place) -> dict[str, Tensor]:
        """The initial states of a slice."""
        found = {}
        for name, one in self.cell.previous.items():
            axis = one.axis
            before = self._before(place, axis)
            found[name] = (
                self._cut(self.given[name], place, axis)
                if before is None
                else self.results[before].final[name]
            )
        return found

    def final(self, name: str) -> Tensor:
        """A final state of the grid, by name."""
        axis = self.cell.previous[name].axis
        last = {place: one.final[name] for place, one in self.results.items() if self._is_last(place, axis)}
        return self._joined(last, [other for other in self.untied if other != axis], axis)

    def trace(self) -> Trace | None:
        """The trace of the grid, if the slices have one."""
        traces = {place: one.trace for place, one in self.results.items() if one.trace is not None}
        if not traces:
            return None
        cell, axes = self.cell, list(self.untied)
        states = {place: one.states for place, one in traces.items()}
        gates = {place: one.gates for place, one in traces.items()}
        return Trace(
            {name: self._joined(_named(name, states), axes, 0) for name in cell.state},
            {name: self._joined(_named(name, gates), axes, 0) for name in cell.intermediates},
        )

    def _index(self, place: Place) -> dict[int, int]:
        """The index along each untied axis, in the order of the data."""
        return {
            axis: size - 1 - at if (*self.direction, False)[axis - 1] else at
            for (axis, size), at in zip(self.untied.items(), place, strict=True)
        }

    def _before(self, place: Place, axis: int) -> Place | None:
        if axis not in self.untied:
            return None
        where = list(self.untied).index(axis)
        return (*place[:where], place[where] - 1, *place[where + 1 :]) if place[where] else None

    def _is_last(self, place: Place, axis: int) -> bool:
        """Whether a slice is the last along an axis."""
        return axis not in self.untied or place[list(self.untied).index(axis)] == self.untied[axis] - 1

    def _cut(self, values: Tensor, place: Place, axis: int) -> Tensor:
        """A slice of the initial states along an axis: one index along all other untied axes."""
        for other, at in self._index(place).items():
            if other != axis:
                values = values.narrow(other - 1 - (other > axis), at, 1)
        return values

    def _joined(self, slices: dict[Place, Tensor], along: list[int], axis: int) -> Tensor:
        """Slices joined along the untied axes; `axis`: the one that is missing from their shape, or 0."""
        if not along:
            (only,) = slices.values()
            return only
        *others, last = along
        where = list(self.untied).index(last)
        groups: dict[Place, list[tuple[int, Tensor]]] = {}
        for place, values in slices.items():
            rest = (*place[:where], 0, *place[where + 1 :])
            groups.setdefault(rest, []).append((self._index(place)[last], values))
        dim = last - 1 - (0 < axis < last)
        joined = {
            place: torch.cat([one for _, one in sorted(group, key=lambda pair: pair[0])], dim)
            for place, group in groups.items()
        }
        return self._joined(joined, others, axis)


def _named(name: str, slices: Mapping[Place, Mapping[str, Tensor]]) -> dict[Place, Tensor]:
    return {place: one[name] for place, one in slices.items()}

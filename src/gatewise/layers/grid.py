"""Grid LSTM: a lattice over the axes of the data and depth, with a network along each axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.cells.grid import Activation, Show, Transform, grid
from gatewise.compiler.layout import layout
from gatewise.engine.choice import run_together
from gatewise.engine.request import LayerResult, Request
from gatewise.errors import GatewiseError
from gatewise.layers.checks import check_whole
from gatewise.layers.initialization import initial_biases, initialize
from gatewise.layers.int8 import Int8Layer
from gatewise.layers.lattices import Lattices, Sizes, State, read_lattices, read_states
from gatewise.layers.scan_directions import (
    Combine,
    Directions,
    ScanDirection,
    check_combine,
    scan_directions,
    suffix,
)
from gatewise.layers.slices import Place, Slices

DEFAULTS = {
    "tied": True,
    "transform": "lstm",
    "priority": (),
    "without_memory": (),
    "show": "o * tanh(c)",
    "activation": "tanh",
    "directions": "forward",
    "combine": "concatenate",
    "bias": True,
}


class GridLSTM(Int8Layer):
    """A Grid LSTM over the axes of the data and, as the last axis, depth.

    At every block, with `H = [h_1, ..., h_N]`: `(h_k, c_k) = LSTM(H, c_k, W_k)` along each axis k. The input
    is projected to the initial hidden and cell state at the bottom of the depth; the output is the hidden
    state at its top.

    input_size: I; hidden_size: H of every axis; depth: the number of stacked blocks
    axes: of the data: 0 for vectors (a 1-LSTM), 1 for sequences (2-LSTM), 2 for images (3-LSTM); depth is
        axis N = axes + 1
    tied: whether all depths share one set of weights
    untied: other axes along which every index has its own weights, `{axis: size}`; the names of such
        parameters end in the index along each untied axis, in the order of the scan
    transform: "lstm", "gru" or "rnn"; priority, without_memory, show, activation: as in `cells.grid`
    directions: along the data's axes, "forward" or "all" 2^axes
    combine, bias, device, dtype: as in `Lattice`

    Raises: `GatewiseError`, one line that names the argument, what was expected and what was given.
    Source: Kalchbrenner, Danihelka and Graves 2015, Grid long short-term memory.

    >>> import torch, gatewise
    >>> layer = gatewise.GridLSTM(input_size=5, hidden_size=8, depth=3)
    >>> output, final = layer(torch.randn(4, 10, 5))
    >>> output.shape, final["c_1"].shape
    (torch.Size([4, 10, 8]), torch.Size([4, 3, 8]))
    """

    cell: CellType
    input_size: int
    hidden_size: int
    depth: int
    axes: int
    tied: bool
    bias: bool
    priority: tuple[int, ...]
    without_memory: tuple[int, ...]
    untied: dict[int, int]
    scan_directions: list[ScanDirection]
    projection: nn.Parameter

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        depth: int,
        axes: int = 1,
        *,
        tied: bool = True,
        untied: Mapping[int, int] | None = None,
        transform: Transform = "lstm",
        priority: Sequence[int] = (),
        without_memory: Sequence[int] = (),
        show: Show = "o * tanh(c)",
        activation: Activation = "tanh",
        directions: Directions = "forward",
        combine: Combine = "concatenate",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_whole("input_size", input_size, 1)
        check_whole("hidden_size", hidden_size, 1)
        check_whole("depth", depth, 1)
        check_whole("axes", axes, 0)
        check_combine(combine)
        self.cell = grid(axes + 1, transform, priority, without_memory, show, activation)
        self.input_size, self.hidden_size, self.depth, self.axes = input_size, hidden_size, depth, axes
        self.tied, self.directions, self.combine, self.bias = bool(tied), directions, combine, bool(bias)
        self.transform, self.show, self.activation = transform, show, activation
        self.priority, self.without_memory = tuple(priority), tuple(without_memory)
        self.untied = _read_untied(untied, axes)
        self.scan_directions = scan_directions(directions, axes)
        self._own = {**self.untied, **({} if tied else {axes + 1: depth})}  # axes along which weights differ
        self._kinds = layout(self.cell).of(self.bias)
        self._along = {name: one for name, one in self.cell.previous.items() if one.axis <= axes}
        self._bottom = [name for name in self.cell.previous if name not in self._along]
        self._names = {
            (direction, place): {
                kind.name: "_".join([kind.name, *map(str, place)]) + suffix(direction) for kind in self._kinds
            }
            for direction, place in product(self.scan_directions, self._places())
        }
        for direction in self.scan_directions:
            into = torch.empty(len(self._bottom) * hidden_size, input_size, device=device, dtype=dtype)
            self.register_parameter("projection" + suffix(direction), nn.Parameter(into))
            for place, kind in product(self._places(), self._kinds):
                shape = kind.shape(0, hidden_size, hidden_size)
                values = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                self.register_parameter(self._names[direction, place][kind.name], values)
        self.reset_parameters()

    def forward(
        self,
        input: Tensor,
        state: State | Sequence[State] | None = None,
        *,
        sizes: Sizes | None = None,
        trace: bool = False,
    ) -> Any:
        """Runs the grid.

        input: [B, L1, ..., L_axes, I], B being optional
        state: the initial states along the axes of the data, in the form of the final ones; zeros if None
        sizes: [B, axes] integers in 1..L, the sizes of each sample
        trace: whether to return every state and gate of every block too, a `Trace` for each direction

        Returns: output [B, L1, ..., L_axes, H] (2^axes * H if directions are concatenated); and the
        final states along the axes of the data by name, `h_1` [B, other sizes, depth, H]: a dict, or for
        all directions a list of dicts.
        """
        batch = read_lattices(input, sizes, self.axes, self.input_size, self.projection)
        given = read_states(state, len(self.scan_directions))
        self._check_untied(batch)
        return batch.returned(self._run(batch, given, trace), self.directions, self.combine, trace)

    def _run(self, batch: Lattices, given: Sequence[State], trace: bool) -> list[LayerResult]:
        """The result of each direction, in slices along the untied axes."""
        values, sizes = batch.inside(), (*batch.values.shape[:-2], self.depth)
        slices = [
            Slices(
                self.cell,
                self._own,
                direction,
                self._into(values, direction)
                | batch.initial_states(one, self._along, sizes, self.hidden_size),
            )
            for direction, one in zip(self.scan_directions, given, strict=True)
        ]
        cut = (1 if axis in self._own else size for axis, size in enumerate(sizes, 1))
        inputs, lengths = values.new_zeros(*cut, values.shape[-2], 0), self._lengths(batch)
        for place in self._places():
            requests = [
                Request(
                    self.cell,
                    inputs,
                    self._parameters_of(one.direction, place),
                    one.initial_states(place),
                    lengths,
                    reverse=(*one.direction, False),
                    trace=trace,
                )
                for one in slices
            ]
            for one, result in zip(slices, run_together(requests), strict=True):
                one.results[place] = result
        return [self._result(one) for one in slices]

    def _result(self, slices: Slices) -> LayerResult:
        """The output at the top of the depth, and the final states along the axes of the data."""
        final = {name: slices.final(name) for name in (self.cell.state[0], *self._along)}
        return LayerResult(final.pop(self.cell.state[0]), final, slices.trace())

    def _lengths(self, batch: Lattices) -> Tensor | None:
        """The sizes of each sample with the depth of a slice, in the form of a request."""
        if batch.sizes is None:
            return None
        depth = batch.sizes.new_full((batch.sizes.shape[0], 1), 1 if not self.tied else self.depth)
        return replace(batch, sizes=torch.cat([batch.sizes, depth], dim=1)).lengths

    def _into(self, values: Tensor, direction: ScanDirection) -> dict[str, Tensor]:
        """The initial hidden and cell state at the bottom of the depth, [L, B, H] each."""
        projected = functional.linear(values, getattr(self, "projection" + suffix(direction))).to(
            values.dtype
        )
        return dict(zip(self._bottom, projected.split(self.hidden_size, dim=-1), strict=True))

    def reset_parameters(self) -> None:
        """Initializes every parameter."""
        self.refuse_int8()
        bound, biases = self.input_size**-0.5, initial_biases(self.cell, None, self.bias)
        for direction in self.scan_directions:
            nn.init.uniform_(getattr(self, "projection" + suffix(direction)), -bound, bound)
            for place in self._places():
                initialize(
                    self._parameters_of(direction, place), self._kinds, self.hidden_size, self.cell, biases
                )

    def extra_repr(self) -> str:
        sizes = f"{self.input_size}, {self.hidden_size}, depth={self.depth}, axes={self.axes}"
        defaults: dict[str, object] = {**DEFAULTS, "untied": {}}
        changed = [
            f"{name}={getattr(self, name)!r}" for name in defaults if getattr(self, name) != defaults[name]
        ]
        return ", ".join([sizes, *changed, *(["is_int8=True"] if self.is_int8 else [])])

    def _check_untied(self, batch: Lattices) -> None:
        for axis, size in self.untied.items():
            if batch.values.shape[axis - 1] != size:
                raise GatewiseError(
                    f"expected size {size} along axis {axis}, which is untied, "
                    f"got {batch.values.shape[axis - 1]}"
                )
        if self.untied and batch.sizes is not None:
            raise GatewiseError(
                f"sizes= was given to a grid with untied={self.untied}, whose sizes are fixed; leave it out"
            )

    def _places(self) -> list[Place]:
        return list(product(*(range(size) for size in self._own.values())))

    def _parameters_of(self, direction: ScanDirection, place: Place) -> dict[str, Tensor]:
        return {parameter: getattr(self, name) for parameter, name in self._names[direction, place].items()}

    def parameter_names(self) -> list[dict[str, str]]:
        return list(self._names.values())


def _read_untied(given: Mapping[int, int] | None, axes: int) -> dict[int, int]:
    """The untied axes of the data, in order, with their sizes."""
    try:
        found = dict(sorted((given or {}).items()))
    except (AttributeError, TypeError):
        found = {0: 0}
    for axis, size in found.items():
        whole = not isinstance(size, bool) and isinstance(size, int)
        if axis not in range(1, axes + 1) or not whole or size < 1:
            known = f"axes being 1 to {axes}" if axes else "and this grid has no axes but depth"
            raise GatewiseError(f"expected untied as {{axis: size}}, {known}, got {given!r}")
    return found

"""Grid LSTM: a lattice of the data's axes and of depth, with a network along each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.grid import grid
from gatewise.compiler.layout import layout
from gatewise.engine.choice import run_together
from gatewise.engine.request import Request, Result
from gatewise.errors import GatewiseError
from gatewise.layers.corners import (
    Combine,
    Corner,
    Directions,
    batch_first,
    check_combine,
    combined,
    corners,
    read_lattice,
    read_sizes,
    side,
    suffix,
    trace_batch_first,
)
from gatewise.layers.lattice import entering
from gatewise.layers.slices import Place, Slices
from gatewise.layers.start import bias_starts, start, start_gate


class GridLSTM(nn.Module):
    """A Grid LSTM over the axes of the data and, as the last axis, depth.

    At every block, with `H = [h_1, ..., h_N]`: `(h_k, c_k) = LSTM(H, c_k, W_k)` along each axis k. The input
    is projected into the hidden and the memory that enter at the bottom of the depth; the output is the
    hidden that leaves at its top.

    input_size: I; hidden_size: H of every axis; depth: blocks above each other
    axes: of the data: 0 for vectors (a 1-LSTM), 1 for sequences (2-LSTM), 2 for images (3-LSTM); depth is
        axis N = axes + 1
    tied: one set of weights for all depths; else each has its own
    untied: other axes along which every index has weights of its own, `{axis: how many}`
    transform: "lstm", "gru" or "rnn"; priority, without_memory, show, activation: as in `cells.grid`
    directions: along the data's axes, "forward" or "all" 2^axes
    combine, bias, device, dtype: as in `Lattice`

    Errors: `GatewiseError`, one line that names the argument, what was expected and what was given.
    Source: Kalchbrenner, Danihelka and Graves 2015, Grid long short-term memory.

    >>> import torch, gatewise
    >>> layer = gatewise.GridLSTM(input_size=5, hidden_size=8, depth=3)
    >>> output, leaving = layer(torch.randn(4, 10, 5))
    >>> output.shape, leaving["c_1"].shape
    (torch.Size([4, 10, 8]), torch.Size([4, 3, 8]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        depth: int,
        axes: int = 1,
        *,
        tied: bool = True,
        untied: Mapping[int, int] | None = None,
        transform: str = "lstm",
        priority: Sequence[int] = (),
        without_memory: Sequence[int] = (),
        show: str = "o * tanh(c)",
        activation: str = "tanh",
        directions: Directions = "forward",
        combine: Combine = "concatenate",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "depth": depth}
        for name, size in {**sizes, "axes": axes}.items():
            if isinstance(size, bool) or not isinstance(size, int) or size < (name != "axes"):
                raise GatewiseError(f"expected {name} as a whole number, got {size!r}")
        check_combine(combine)
        self.input_size, self.hidden_size, self.depth, self.axes = input_size, hidden_size, depth, axes
        self.tied, self.directions, self.combine, self.bias = tied, directions, combine, bool(bias)
        self.cell = grid(axes + 1, transform, tuple(priority), tuple(without_memory), show, activation)
        self.untied = self._own_weights(untied or {})
        self.corners = corners(directions, axes)
        self._kinds = layout(self.cell).of(self.bias)
        self._bottom = [name for name, one in self.cell.previous.items() if one.axis == axes + 1]
        for corner in self.corners:
            into = torch.empty(len(self._bottom) * hidden_size, input_size, device=device, dtype=dtype)
            self.register_parameter("projection" + suffix(corner), nn.Parameter(into))
            for place, kind in product(self._places(), self._kinds):
                shape = kind.shape(0, hidden_size, hidden_size)
                values = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                self.register_parameter(self._name(kind.name, corner, place), values)
        self.reset_parameters()

    def forward(
        self,
        input: Tensor,
        state: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]] | None = None,
        *,
        sizes: Tensor | Sequence[Sequence[int]] | None = None,
        trace: bool = False,
    ) -> Any:
        """Runs the grid.

        input: [B, L1, ..., L_axes, I], B being optional
        state: what enters along the data's axes, as a call returns what leaves; zeros if None
        sizes: [B, axes] whole numbers in 1..L, each sample's own sizes
        trace: returns every state and gate of every block as a third value, a `Trace` each direction

        Returns: output [B, L1, ..., L_axes, H] (2^axes * H where directions are concatenated); and what
        leaves along the data's axes by name, `h_1` [B, other sizes, depth, H]: a dict, or for all
        directions a list of them.
        """
        values, batched = read_lattice(input, self.axes, self.input_size)
        own = read_sizes(sizes, values, self.axes)
        given = [state] * len(self.corners) if state is None or isinstance(state, Mapping) else list(state)
        if len(given) != len(self.corners):
            raise GatewiseError(
                f"expected state for each of {len(self.corners)} directions, got {len(given)}"
            )
        self._check_untied(values, own)
        results = self._run(values, own, given, trace, batched)
        top = next(name for name in self._bottom if name.startswith("h_"))
        output = combined([batch_first(one.final[top], batched) for one in results], self.combine)
        leaving = [
            {
                name: batch_first(one, batched)
                for name, one in result.final.items()
                if name not in self._bottom
            }
            for result in results
        ]
        found = output, leaving[0] if self.directions == "forward" else leaving
        return (*found, [trace_batch_first(one.trace, batched) for one in results]) if trace else found

    def _run(
        self, values: Tensor, own: Tensor | None, given: Sequence[Mapping[str, Tensor] | None], trace: bool,
        batched: bool,
    ) -> list[Result]:  # fmt: skip
        """Each direction's result, by slices along the axes where each index has its own weights."""
        sizes, batch = [*values.shape[:-2], self.depth], values.shape[-2]
        depth = torch.full((batch, 1), self.depth if self.tied else 1)
        lengths = None if own is None else torch.cat([own, depth], dim=1)
        if lengths is not None and self.axes == 0:
            lengths = lengths[:, 0]
        shapes = {
            name: [*side(sizes, one.axis), batch, self.hidden_size]
            for name, one in self.cell.previous.items()
            if name not in self._bottom
        }
        slices = [
            Slices(
                self.cell,
                self.untied,
                corner,
                self._into(values, corner) | entering(state, shapes, values, batched),
            )
            for corner, state in zip(self.corners, given, strict=True)
        ]
        inputs = values.new_zeros(*(1 if axis in self.untied else size for axis, size in enumerate(sizes, 1)),
                                  batch, 0)  # fmt: skip
        for place in self._places():
            requests = [
                Request(
                    self.cell, inputs, self._parameters_of(one.corner, place), one.entering(place),
                    lengths, reverse=(*one.corner, False), trace=trace,
                )
                for one in slices
            ]  # fmt: skip
            for one, result in zip(slices, run_together(requests), strict=True):
                one.results[place] = result
        return [one.whole() for one in slices]

    def _into(self, values: Tensor, corner: Corner) -> dict[str, Tensor]:
        """The input as hidden and memory at the bottom, [L, B, H] each."""
        projected = functional.linear(values, getattr(self, "projection" + suffix(corner)))
        return dict(zip(self._bottom, projected.split(self.hidden_size, dim=-1), strict=True))

    def reset_parameters(self) -> None:
        """Gives every parameter its first value again."""
        for corner in self.corners:
            nn.init.uniform_(getattr(self, "projection" + suffix(corner)), -1, 1)
            getattr(self, "projection" + suffix(corner)).data /= self.input_size**0.5
            for place in self._places():
                parameters = self._parameters_of(corner, place)
                start(parameters, self._kinds, self.hidden_size)
                for gate, value in bias_starts(self.cell, None, self.bias).items():
                    start_gate(parameters, self._kinds, self.cell, gate, value)

    def extra_repr(self) -> str:
        told = f"{self.input_size}, {self.hidden_size}, depth={self.depth}, axes={self.axes}"
        usual = {"tied": True, "directions": "forward", "bias": True}
        changed = [
            f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value
        ]
        return ", ".join([told, self.cell.about.removeprefix("A grid block: ").rstrip("."), *changed])

    def _own_weights(self, untied: Mapping[int, int]) -> dict[int, int]:
        """For each axis whose every index has weights of its own, how many there are."""
        for axis, size in untied.items():
            if (
                axis not in range(1, self.axes + 1)
                or isinstance(size, bool)
                or not isinstance(size, int)
                or size < 1
            ):
                raise GatewiseError(
                    f"expected untied as {{axis: size}}, axes being 1 to {self.axes}, got {dict(untied)}"
                )
        return {**untied, **({} if self.tied else {self.axes + 1: self.depth})}

    def _check_untied(self, values: Tensor, own: Tensor | None) -> None:
        for axis, size in self.untied.items():
            if axis <= self.axes and values.shape[axis - 1] != size:
                raise GatewiseError(
                    f"expected size {size} along axis {axis}, which is untied, got {values.shape[axis - 1]}"
                )
        if self.untied.keys() - {self.axes + 1} and own is not None:
            raise GatewiseError(
                "sizes= was given to a grid with untied axes of the data, whose size is fixed"
            )

    def _places(self) -> list[Place]:
        return list(product(*(range(size) for size in self.untied.values())))

    def _name(self, parameter: str, corner: Corner, place: Place) -> str:
        return "_".join([parameter, *map(str, place)]) + suffix(corner)

    def _parameters_of(self, corner: Corner, place: Place) -> dict[str, Tensor]:
        return {kind.name: getattr(self, self._name(kind.name, corner, place)) for kind in self._kinds}

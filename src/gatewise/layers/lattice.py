"""The layer that runs a cell over a lattice, in one or all scan directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.cells.multidimensional import leaky_mdlstm, mdgru, mdlstm, mdrnn
from gatewise.compiler.layout import layout
from gatewise.engine.choice import run_together
from gatewise.engine.request import Request
from gatewise.errors import GatewiseError
from gatewise.layers.checks import check_cell, check_whole
from gatewise.layers.initialization import initial_biases, initialize
from gatewise.layers.int8 import Int8Layer
from gatewise.layers.lattices import Sizes, State, read_lattices, read_states
from gatewise.layers.scan_directions import (
    Combine,
    Directions,
    ScanDirection,
    check_combine,
    scan_directions,
    suffix,
)


class Lattice(Int8Layer):
    """Runs a cell over a batch of N-dimensional lattices: `h_p, ... = cell(x_p, h_{p-e1}, ..., h_{p-eN})`.

    The positions of a diagonal are computed in parallel, in sum(L) - N + 1 steps.

    cell: equations that read `back[1].h`, ..., `back[N].h`, such as `gatewise.cells.mdlstm(2)` or your own
    input_size: I, the features of a position; hidden_size: H, the units
    directions: "forward" scans along the axes; "all" in each of the 2^N directions, with own parameters
    combine: how to combine the outputs of all directions: "concatenate", "sum", or "separate" for a tuple
    bias, device, dtype: as in `torch.nn.LSTM`

    Raises: `GatewiseError`, one line that names the argument, what was expected and what was given.
    Source: Graves, Fernandez and Schmidhuber 2007, Multi-dimensional recurrent neural networks.

    >>> import torch, gatewise
    >>> layer = gatewise.Lattice(gatewise.cells.mdlstm(2), 3, 8, directions="all")
    >>> output, final = layer(torch.randn(4, 6, 5, 3), sizes=[[6, 5], [2, 5], [1, 1], [6, 4]])
    >>> output.shape, final[0]["h.1"].shape
    (torch.Size([4, 6, 5, 32]), torch.Size([4, 5, 8]))
    """

    cell: CellType
    input_size: int
    hidden_size: int
    bias: bool
    scan_directions: list[ScanDirection]

    def __init__(
        self,
        cell: CellType,
        input_size: int,
        hidden_size: int,
        *,
        directions: Directions = "forward",
        combine: Combine = "concatenate",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_cell(cell, "cells.mdlstm(2)")
        if cell.matrix_states:
            raise GatewiseError(
                f"the states of a lattice are vectors, and the state {cell.matrix_states[0]} of "
                f"{cell.__name__} is a matrix; make a layer of it with gatewise.Recurrent"
            )
        check_whole("input_size", input_size, 1)
        check_whole("hidden_size", hidden_size, 1)
        check_combine(combine)
        self.cell, self.input_size, self.hidden_size = cell, input_size, hidden_size
        self.directions, self.combine, self.bias = directions, combine, bool(bias)
        self.scan_directions = scan_directions(directions, cell.axes)
        self._kinds = layout(cell).of(self.bias)
        self._names = {
            direction: {kind.name: kind.name + suffix(direction) for kind in self._kinds}
            for direction in self.scan_directions
        }
        for direction in self.scan_directions:
            for kind in self._kinds:
                shape = kind.shape(input_size, hidden_size, hidden_size)
                values = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                self.register_parameter(self._names[direction][kind.name], values)
        self.reset_parameters()

    def forward(
        self,
        input: Tensor,
        state: State | Sequence[State] | None = None,
        *,
        sizes: Sizes | None = None,
        trace: bool = False,
    ) -> Any:
        """Runs the layer.

        input: [B, L1, ..., LN, I], or [L1, ..., LN, I] for one lattice
        state: the initial states by name, in the form of the final ones; zeros if missing
        sizes: [B, N] integers in 1..L, the sizes of each lattice; nothing outside them is read
        trace: whether to return every state and gate of every position too, a `Trace` for each direction

        Returns: output [B, L1, ..., LN, H] (2^N * H if directions are concatenated), zero outside the
        sizes of a lattice; and the final states, by the names of `cell.previous`, [B, the sizes of the
        side, H] each: a dict, or for all directions a list of dicts.
        """
        cell, width = self.cell, self.hidden_size
        own = [self._parameters_of(direction) for direction in self.scan_directions]
        batch = read_lattices(input, sizes, cell.axes, self.input_size, self._like())
        whole = batch.values.shape[:-2]
        requests = [
            Request(
                cell,
                batch.values,
                parameters,
                batch.initial_states(given, cell.previous, whole, width),
                batch.lengths,
                reverse=direction,
                trace=trace,
            )
            for direction, parameters, given in zip(
                self.scan_directions, own, read_states(state, len(self.scan_directions)), strict=True
            )
        ]
        return batch.returned(run_together(requests), self.directions, self.combine, trace)

    def reset_parameters(self) -> None:
        """Initializes every parameter."""
        self.refuse_int8()
        biases = initial_biases(self.cell, None, self.bias)
        for direction in self.scan_directions:
            initialize(self._parameters_of(direction), self._kinds, self.hidden_size, self.cell, biases)

    def extra_repr(self) -> str:
        text = f"{self.cell.__name__}, {self.input_size}, {self.hidden_size}"
        text += (
            f", directions={self.directions}, combine={self.combine}" if len(self.scan_directions) > 1 else ""
        )
        text += "" if self.bias else ", bias=False"
        return f"{text}, is_int8=True" if self.is_int8 else text

    def parameter_names(self) -> list[dict[str, str]]:
        return list(self._names.values())

    def _parameters_of(self, direction: ScanDirection) -> dict[str, Tensor]:
        return {parameter: getattr(self, name) for parameter, name in self._names[direction].items()}


class MDLSTM(Lattice):
    """Multidimensional LSTM: a forget gate for each axis, `c = sum_k f_k * c_k + i * g`, `h = o * tanh(c)`.

    axes: N; peephole: whether gates read the cell state; leaky: the stable cell of Leifert et al. 2016, whose
        cell state is a mixture of its neighbours and the candidate, for large lattices

    Other arguments are those of `Lattice`.
    Source: Graves, Fernandez and Schmidhuber 2007, Multi-dimensional recurrent neural networks.

    >>> import torch, gatewise
    >>> layer = gatewise.MDLSTM(3, 8, axes=2, directions="all", combine="sum")
    >>> layer(torch.randn(4, 6, 5, 3))[0].shape
    torch.Size([4, 6, 5, 8])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        axes: int = 2,
        *,
        peephole: bool = False,
        leaky: bool = False,
        **options: Any,
    ) -> None:
        if leaky and peephole:
            raise GatewiseError("leaky=True was given with peephole=True; the leaky cell has no peepholes")
        cell = leaky_mdlstm(axes) if leaky else mdlstm(axes, peephole)
        super().__init__(cell, input_size, hidden_size, **options)


class MDGRU(Lattice):
    """Multidimensional GRU: a reset gate for each axis, and gates that weight the neighbours.

    axes: N

    Equations: `gatewise.cells.mdgru`; other arguments are those of `Lattice`.

    >>> import torch, gatewise
    >>> gatewise.MDGRU(3, 8, axes=3)(torch.randn(2, 4, 3, 5, 3))[0].shape
    torch.Size([2, 4, 3, 5, 8])
    """

    def __init__(self, input_size: int, hidden_size: int, axes: int = 2, **options: Any) -> None:
        super().__init__(mdgru(axes), input_size, hidden_size, **options)


class MDRNN(Lattice):
    """Multidimensional RNN: `h = tanh(W x + sum_k R_k h_k + b)`, with h_k before along axis k.

    axes: N

    Other arguments are those of `Lattice`.
    Source: Graves, Fernandez and Schmidhuber 2007, Multi-dimensional recurrent neural networks.

    >>> import torch, gatewise
    >>> gatewise.MDRNN(3, 8)(torch.randn(4, 6, 5, 3))[0].shape
    torch.Size([4, 6, 5, 8])
    """

    def __init__(self, input_size: int, hidden_size: int, axes: int = 2, **options: Any) -> None:
        super().__init__(mdrnn(axes), input_size, hidden_size, **options)

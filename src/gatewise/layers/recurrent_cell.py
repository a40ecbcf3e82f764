"""One step of any cell as a module, as `torch.nn.LSTMCell`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partialmethod
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import require_sequence
from gatewise.cells.gru import GRU
from gatewise.cells.initial_values import Initial
from gatewise.cells.lstm import LSTM
from gatewise.compiler.layout import layout
from gatewise.engine.choice import run
from gatewise.engine.repetition import Repetition
from gatewise.engine.request import Request
from gatewise.errors import GatewiseError
from gatewise.layers.checks import check_cell, check_heads, check_input, check_whole
from gatewise.layers.dropins import rnn_cell
from gatewise.layers.initialization import initial_biases, initialize
from gatewise.layers.int8 import Int8Layer
from gatewise.layers.states import State, StateForm, state_shapes


class RecurrentCell(Int8Layer):
    """Runs one step of a cell: `h, ... = cell(x, h', ...)`.

    Args:
        cell: the equations, a class such as `gatewise.cells.PeepholeLSTM` or your own
        input_size: I, the features of the input
        hidden_size: H, the units
        bias: whether products with the input and the state add biases
        device: of the parameters
        dtype: of the parameters
        forget_bias: the initial bias of the forget gate (that of the cell if None)
        heads: divides the units into groups that read only themselves, as in `Recurrent`

    A layer (`Recurrent`) runs whole sequences, and is much faster than a loop over steps.

    Raises: `GatewiseError`, one line that names the argument, what was expected and what was given.

    >>> import torch, gatewise
    >>> step = gatewise.RecurrentCell(gatewise.cells.PeepholeLSTM, 5, 8)
    >>> h, c = step(torch.randn(3, 5))
    >>> h, c = step(torch.randn(3, 5), (h, c))
    >>> h.shape, c.shape
    (torch.Size([3, 8]), torch.Size([3, 8]))
    """

    cell: CellType
    input_size: int
    hidden_size: int
    bias: bool
    heads: int
    initial_biases: dict[str, Initial]

    def __init__(
        self,
        cell: CellType,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        forget_bias: float | None = None,
        heads: int = 1,
    ) -> None:
        super().__init__()
        check_cell(cell, "cells.LSTM")
        require_sequence(cell, "RecurrentCell runs cells of sequences")
        check_whole("input_size", input_size, 1)
        check_whole("hidden_size", hidden_size, 1)
        self.cell, self.input_size, self.hidden_size, self.bias = cell, input_size, hidden_size, bool(bias)
        self.heads = check_heads(heads, [hidden_size])
        self.initial_biases = initial_biases(cell, forget_bias, self.bias)
        self._kinds = layout(cell).of(self.bias)
        self._names = {kind.name: kind.name for kind in self._kinds}
        for kind in self._kinds:
            shape = kind.shape(input_size, hidden_size, hidden_size, heads)
            self.register_parameter(kind.name, nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        self._repetition = Repetition()
        self._form = StateForm(cell, (state_shapes(cell, hidden_size, hidden_size, self.heads),))
        self.reset_parameters()

    def forward(self, input: Tensor, hx: State | None = None) -> State:
        """Runs one step.

        input: [B, I], or [I] for one row
        hx: the states [B, H] ([H] for one row), zeros if None. A tuple, unless the cell has one state

        Returns: the new states, as `hx`.
        """
        sized = isinstance(input, Tensor) and input.dim() in (1, 2) and input.shape[-1] == self.input_size
        if not sized:
            given = list(input.shape) if isinstance(input, Tensor) else type(input).__name__
            raise GatewiseError(f"expected input of shape [B, {self.input_size}], got {given}")
        check_input(input, self._like())
        batched = input.dim() == 2
        rows = input if batched else input.unsqueeze(0)
        (state,) = self._form.read(self._nested(hx), rows, len(rows), batched)
        parameters = self.values_of(self._names)
        request = Request(self.cell, rows.unsqueeze(0), parameters, state, heads=self.heads)
        values = tuple(run(request, self._repetition).final.values())
        values = values if batched else tuple([one.squeeze(0) for one in values])
        return values[0] if len(values) == 1 else values

    def reset_parameters(self) -> None:
        """Initializes every parameter."""
        self.refuse_int8()
        parameters = {kind.name: getattr(self, kind.name) for kind in self._kinds}
        initialize(parameters, self._kinds, self.hidden_size, self.cell, self.initial_biases)

    def extra_repr(self) -> str:
        sizes = f"{self.input_size}, {self.hidden_size}"
        sizes = f"{self.cell.__name__}, {sizes}" if type(self) is RecurrentCell else sizes
        sizes += "" if self.bias else ", bias=False"
        sizes += f", heads={self.heads}" if self.heads > 1 else ""
        return f"{sizes}, is_int8=True" if self.is_int8 else sizes

    def parameter_names(self) -> list[dict[str, str]]:
        return [self._names]

    def _nested(self, hx: State | None) -> State | None:
        """The states as those of a stack of one layer."""
        if isinstance(hx, Tensor):
            return (hx,)
        return tuple((one,) for one in hx) if isinstance(hx, tuple | list) else hx


class LSTMCell(RecurrentCell):
    """`torch.nn.LSTMCell` as a drop-in replacement: one step of `gatewise.LSTM`.

    Arguments, shapes and errors are those of `RecurrentCell`.

    >>> import torch, gatewise
    >>> ours, theirs = gatewise.LSTMCell(5, 8), torch.nn.LSTMCell(5, 8)
    >>> ours.load_state_dict(theirs.state_dict())
    <All keys matched successfully>
    >>> x = torch.randn(3, 5)
    >>> torch.allclose(ours(x)[1], theirs(x)[1], atol=1e-6)
    True
    """

    __init__: Callable[..., None] = partialmethod(RecurrentCell.__init__, LSTM)  # type: ignore[assignment]


class GRUCell(RecurrentCell):
    """`torch.nn.GRUCell` as a drop-in replacement: one step of `gatewise.GRU`.

    Arguments, shapes and errors are those of `RecurrentCell`.

    >>> import torch, gatewise
    >>> gatewise.GRUCell(5, 8)(torch.randn(3, 5)).shape
    torch.Size([3, 8])
    """

    __init__: Callable[..., None] = partialmethod(RecurrentCell.__init__, GRU)  # type: ignore[assignment]


class RNNCell(RecurrentCell):
    """`torch.nn.RNNCell` as a drop-in replacement: one step of `gatewise.RNN`.

    nonlinearity: "tanh" or "relu", the fourth positional argument as in `torch.nn.RNNCell`

    All other arguments, shapes and errors are those of `RecurrentCell`.

    >>> import torch, gatewise
    >>> gatewise.RNNCell(5, 8, nonlinearity="relu")(torch.randn(3, 5)).shape
    torch.Size([3, 8])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *arguments: Any,
        **options: Any,
    ) -> None:
        self.nonlinearity = nonlinearity
        super().__init__(rnn_cell(nonlinearity), input_size, hidden_size, bias, *arguments, **options)

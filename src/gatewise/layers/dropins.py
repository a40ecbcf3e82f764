"""The layers of `torch.nn`, with the same arguments, results and state_dict."""

from __future__ import annotations

from collections.abc import Callable
from functools import partialmethod
from typing import Any

from gatewise.cells.base import CellType
from gatewise.cells.gru import GRU as GRUCell
from gatewise.cells.lstm import LSTM as LSTMCell
from gatewise.cells.rnn import RNN as RNNCell
from gatewise.cells.rnn import ReluRNN
from gatewise.errors import GatewiseError
from gatewise.layers.recurrent import Recurrent


class LSTM(Recurrent):
    """`torch.nn.LSTM` as a drop-in replacement, with the additions of `Recurrent`.

        i, f, o = sigmoid(W x_t + R h_{t-1} + b)
        g = tanh(W x_t + R h_{t-1} + b)
        c_t = f * c_{t-1} + i * g
        h_t = o * tanh(c_t)

    Arguments, shapes and errors are those of `Recurrent`; the initial bias of the forget gate is 1.
    Source: Gers, Schmidhuber and Cummins 2000, Learning to forget.

    >>> import torch, gatewise
    >>> ours, theirs = gatewise.LSTM(5, 8), torch.nn.LSTM(5, 8)
    >>> ours.load_state_dict(theirs.state_dict())
    <All keys matched successfully>
    >>> x = torch.randn(10, 3, 5)
    >>> torch.allclose(ours(x)[0], theirs(x)[0], atol=1e-6)
    True
    """

    mode = "LSTM"  # the name of the layer in `torch.nn`
    __init__: Callable[..., None] = partialmethod(Recurrent.__init__, LSTMCell)  # type: ignore[assignment]


class GRU(Recurrent):
    """`torch.nn.GRU` as a drop-in replacement, with the additions of `Recurrent`.

        r, z = sigmoid(W x_t + R h_{t-1} + b)
        n = tanh(W x_t + b + r * (R h_{t-1} + b'))
        h_t = (1 - z) * n + z * h_{t-1}

    Arguments, shapes and errors are those of `Recurrent`; there is no `proj_size`.
    Source: Cho et al. 2014, in the form of cuDNN, which resets after the product.

    >>> import torch, gatewise
    >>> output, h = gatewise.GRU(5, 8, num_layers=2)(torch.randn(10, 3, 5))
    >>> output.shape, h.shape
    (torch.Size([10, 3, 8]), torch.Size([2, 3, 8]))
    """

    mode = "GRU"
    __init__: Callable[..., None] = partialmethod(Recurrent.__init__, GRUCell)  # type: ignore[assignment]


class RNN(Recurrent):
    """`torch.nn.RNN` as a drop-in replacement, with the additions of `Recurrent`.

        h_t = phi(W x_t + R h_{t-1} + b), phi = tanh or relu

    nonlinearity: "tanh" or "relu", the fourth positional argument as in `torch.nn.RNN`

    All other arguments, shapes and errors are those of `Recurrent`.
    Source: Elman 1990, Finding structure in time.

    >>> import torch, gatewise
    >>> output, h = gatewise.RNN(5, 8, nonlinearity="relu")(torch.randn(10, 3, 5))
    >>> output.shape, h.shape
    (torch.Size([10, 3, 8]), torch.Size([1, 3, 8]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int | None = None,
        nonlinearity: str = "tanh",
        *arguments: Any,
        **options: Any,
    ) -> None:
        self.nonlinearity = nonlinearity
        super().__init__(rnn_cell(nonlinearity), input_size, hidden_size, num_layers, *arguments, **options)

    @property
    def mode(self) -> str:
        """The name of the layer in `torch.nn`."""
        return f"RNN_{self.nonlinearity.upper()}"


def rnn_cell(nonlinearity: str) -> CellType:
    """The plain recurrent cell with a nonlinearity. Raises: `GatewiseError` if there is no such cell."""
    cells = {"tanh": RNNCell, "relu": ReluRNN}
    if not isinstance(nonlinearity, str) or nonlinearity not in cells:
        raise GatewiseError(f"expected nonlinearity 'tanh' or 'relu', got {nonlinearity!r}")
    return cells[nonlinearity]

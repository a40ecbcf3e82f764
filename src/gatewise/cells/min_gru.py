"""The minimal GRU and LSTM whose gates read the input only, so that all steps can be computed in parallel."""

from gatewise.cells.base import Cell
from gatewise.cells.notation import W, log_sigmoid, prev, sigmoid, x


class MinGRU(Cell):
    """Minimal gated recurrent unit: its gate and its candidate read the input only."""

    source = "Feng et al. 2024, Were RNNs all we needed?"
    state = ("h",)

    z = sigmoid(W.z @ x)  # update: how much of the candidate to take
    n = W.n @ x  # the candidate
    h = (1 - z) * prev.h + z * n


class MinLSTM(Cell):
    """Minimal LSTM: its gates read the input only, and sum to one."""

    source = "Feng et al. 2024, Were RNNs all we needed?"
    state = ("h",)

    k = log_sigmoid(W.k @ x)  # the logarithm of how much of the state to keep, beside u
    u = log_sigmoid(W.u @ x)  # that of how much of the candidate to take, beside k
    f = sigmoid(k - u)  # forget: exp(k) / (exp(k) + exp(u))
    i = 1 - f  # input: the rest
    g = W.g @ x  # the candidate
    h = f * prev.h + i * g

"""The LSTM as it is taught with learn, forget, remember and use gates."""

from gatewise.cells.base import Cell
from gatewise.cells.notation import R, U, W, b, prev, sigmoid, tanh, x


class UseGateLSTM(Cell):
    """LSTM whose use gate reads the memory after the forget gate, through a matrix of its own."""

    source = "courses on LSTM networks (learn, forget, remember and use gates)"
    state = ("h", "c")
    initial_bias = {"f": 1.0}

    n = tanh(W.n @ x + R.n @ prev.h)  # learn gate: the candidate ...
    i = sigmoid(W.i @ x + R.i @ prev.h)  # ... and its ignore factor
    f = sigmoid(W.f @ x + R.f @ prev.h)  # forget gate
    c = prev.c * f + n * i  # remember gate: the new long-term memory
    u = tanh(U.u @ (prev.c * f) + b.u)  # use gate: the output of the kept memory ...
    v = sigmoid(W.v @ x + R.v @ prev.h)  # ... and how much of it to use
    h = u * v  # the new short-term memory

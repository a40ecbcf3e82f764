"""Long short-term memory."""

from gatewise.cells.base import Cell
from gatewise.cells.notation import R, W, prev, sigmoid, tanh, x


class LSTM(Cell):
    """Long short-term memory with a forget gate; the LSTM of today's libraries."""

    source = "Gers, Schmidhuber and Cummins 2000, Learning to forget"
    state = ("h", "c")
    initial_bias = {"f": 1.0}  # an open forget gate lets the gradient through (Jozefowicz et al. 2015)

    i = sigmoid(W.i @ x + R.i @ prev.h)  # how much of the candidate to add
    f = sigmoid(W.f @ x + R.f @ prev.h)  # how much of the old memory to keep
    g = tanh(W.g @ x + R.g @ prev.h)  # the candidate
    c = f * prev.c + i * g
    o = sigmoid(W.o @ x + R.o @ prev.h)  # how much of the memory to output
    h = o * tanh(c)


class LSTM1997(LSTM):
    """The first LSTM, without a forget gate: the cell state only accumulates."""

    source = "Hochreiter and Schmidhuber 1997, Long short-term memory"

    c = prev.c + LSTM.i * LSTM.g

"""A cell that no library has, as a user would write it."""

from gatewise.cells import Cell, R, W, prev, sigmoid, softplus, tanh, x
from gatewise.cells.expressions import Expression


class SoftplusLSTM(Cell):
    """LSTM with coupled gates, and a candidate that is never negative."""

    source = "invented for this benchmark"
    state = ("h", "c")

    f: Expression = sigmoid(W.f @ x + R.f @ prev.h)
    g: Expression = softplus(W.g @ x + R.g @ prev.h)
    c: Expression = f * prev.c + (1 - f) * g
    o: Expression = sigmoid(W.o @ x + R.o @ prev.h)
    h: Expression = o * tanh(c)


SoftplusLSTM.__doc__ = SoftplusLSTM.about  # without the example of the built-in cells

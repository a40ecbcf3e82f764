"""The cells of the xLSTM."""

from gatewise.cells.base import Cell
from gatewise.cells.notation import R, W, exp, log_sigmoid, maximum, position, prev, sigmoid, tanh, x


class SLSTM(Cell):
    """The scalar memory of the xLSTM: exponential gates, a normalizer, and a stabilizer in the logarithm."""

    source = "Beck et al. 2024, xLSTM: Extended long short-term memory"
    state = ("h", "c", "n", "m")
    initial_bias = {"l": 3 + 3 * position}
    gates = ("i", "f")

    d = W.i @ x + R.i @ prev.h  # the logarithm of the input gate
    l = prev.m + log_sigmoid(W.f @ x + R.f @ prev.h)  # that of the forget gate, above the last m
    m = maximum(l, d)  # the stabilizer: both gates are relative to exp(m)
    i = exp(d - m)  # input
    f = exp(l - m)  # forget
    z = tanh(W.z @ x + R.z @ prev.h)  # the candidate
    o = sigmoid(W.o @ x + R.o @ prev.h)  # output
    c = f * prev.c + i * z
    n = f * prev.n + i  # the normalizer: the sum of all weights in c
    h = o * c / maximum(n, 1e-20)

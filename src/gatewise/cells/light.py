"""Recurrent units without a matrix between steps: SRU, QRNN, IndRNN."""

from gatewise.cells.base import Cell
from gatewise.cells.notation import W, matrices, p, prev, relu, sigmoid, tanh, uniform, x

V = matrices("V")  # of the input of the step before


class SRU(Cell):
    """Simple recurrent unit: its gates read the input and their own unit; a highway passes the input."""

    source = "Lei et al. 2018, Simple recurrent units for highly parallelizable recurrence"
    state = ("h", "c")

    f = sigmoid(W.f @ x + p.f * prev.c)  # forget
    r = sigmoid(W.r @ x + p.r * prev.c)  # reset: how much of c to show, beside the input
    c = f * prev.c + (1 - f) * (W.g @ x)
    h = r * c + (1 - r) * (W.h @ x)


class QRNN(Cell):
    """Quasi-recurrent network: convolutions over two steps, and fo-pooling.

    `e`, `a` and `k` carry the products of this input to the next step.
    """

    source = "Bradbury et al. 2017, Quasi-recurrent neural networks"
    state = ("h", "c", "e", "a", "k")

    e = V.z @ x
    a = V.f @ x
    k = V.o @ x
    z = tanh(W.z @ x + prev.e)  # the candidate
    f = sigmoid(W.f @ x + prev.a)  # forget
    o = sigmoid(W.o @ x + prev.k)  # output
    c = f * prev.c + (1 - f) * z
    h = o * c


class IndRNN(Cell):
    """Independently recurrent network: each unit reads its own past only."""

    source = "Li et al. 2018, Independently recurrent neural network (IndRNN)"
    state = ("h",)
    initial_vectors = {p.h: uniform}

    h = relu(W.h @ x + p.h * prev.h)

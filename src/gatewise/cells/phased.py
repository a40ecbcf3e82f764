"""The LSTM whose units update in turn, each for a part of a period of its own."""

from gatewise.cells.base import Cell
from gatewise.cells.notation import (
    R,
    W,
    elapsed,
    exp,
    fraction,
    maximum,
    p,
    prev,
    sigmoid,
    tanh,
    uniform,
    x,
)

LONGEST = 6.9  # the logarithm of the longest period, initially


class PhasedLSTM(Cell):
    """LSTM with a time gate that opens each unit for a part of its period; reads the time between steps."""

    source = "Neil et al. 2016, Phased LSTM: Accelerating recurrent network training for long sequences"
    state = ("h", "c", "t")
    initial_vectors = {p.period: LONGEST * uniform, p.shift: uniform, p.open: 0.05}
    gates = ("k",)

    t = fraction(prev.t + elapsed * exp(-p.period))  # the time, in periods
    a = fraction(t - p.shift)  # the phase
    k = maximum(1 - abs(2 * a / p.open - 1), 0.001 * a)  # time gate: rises and falls, then leaks
    i = sigmoid(W.i @ x + R.i @ prev.h + p.i * prev.c)  # input
    f = sigmoid(W.f @ x + R.f @ prev.h + p.f * prev.c)  # forget
    g = tanh(W.g @ x + R.g @ prev.h)  # the candidate
    d = f * prev.c + i * g  # the proposed cell state
    c = k * d + (1 - k) * prev.c
    o = sigmoid(W.o @ x + R.o @ prev.h + p.o * c)  # output
    h = k * (o * tanh(d)) + (1 - k) * prev.h

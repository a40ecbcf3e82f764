"""The cells of the xLSTM."""

from gatewise.cells.base import Cell
from gatewise.cells.notation import (
    R,
    W,
    dot,
    exp,
    key_scale,
    log_sigmoid,
    maximum,
    minimum,
    outer,
    position,
    prev,
    sigmoid,
    tanh,
    w,
    x,
)


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


class MLSTM(Cell):
    """The matrix memory of the xLSTM: exponential gates write keys with values, and queries read them."""

    source = "Beck et al. 2024, xLSTM: Extended long short-term memory"
    state = ("h", "C", "n", "m")
    initial_bias = {"d": -10.0, "l": 3 + 3 * position}
    gates = ("i", "f")

    q = W.q @ x  # the query
    k = key_scale * (W.k @ x)  # the key
    v = W.v @ x  # the value
    d = w.i @ x  # the logarithm of the input gate
    l = prev.m + log_sigmoid(w.f @ x)  # that of the forget gate, above the last m
    m = maximum(l, d)  # the stabilizer: both gates are relative to exp(m)
    i = exp(d - m)  # input
    f = exp(l - m)  # forget
    C = f * prev.C + i * outer(v, k)  # the matrix memory
    n = f * prev.n + i * k  # the normalizer: the sum of all weighted keys
    o = sigmoid(W.o @ x)  # output
    h = o * (C @ q) / maximum(abs(dot(n, q)), exp(minimum(-m, 80)))  # which float32 can hold

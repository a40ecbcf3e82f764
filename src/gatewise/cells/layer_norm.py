"""LSTM with layer normalization."""

from gatewise.cells.expressions import Expression
from gatewise.cells.lstm import LSTM
from gatewise.cells.notation import R, W, normalize, prev, sigmoid, tanh, x


def _drive(name: str) -> Expression:
    return normalize.input(W[name] @ x) + normalize.hidden(R[name] @ prev.h)


class LayerNormLSTM(LSTM):
    """LSTM that normalizes its products, all gates together, and the cell state before the output."""

    source = "Ba, Kiros and Hinton 2016, Layer normalization"

    i = sigmoid(_drive("i"))
    f = sigmoid(_drive("f"))
    g = tanh(_drive("g"))
    o = sigmoid(_drive("o"))
    h = LSTM.o * tanh(normalize.memory(LSTM.c))

"""LSTMs whose gates also read the cell state."""

from gatewise.cells.lstm import LSTM
from gatewise.cells.notation import P, R, W, p, prev, sigmoid, x


class PeepholeLSTM(LSTM):
    """LSTM whose gates read the cell state of their own unit; the output gate reads the new one."""

    source = "Gers and Schmidhuber 2000, Recurrent nets that time and count"

    i = sigmoid(W.i @ x + R.i @ prev.h + p.i * prev.c)
    f = sigmoid(W.f @ x + R.f @ prev.h + p.f * prev.c)
    o = sigmoid(W.o @ x + R.o @ prev.h + p.o * LSTM.c)


class FullPeepholeLSTM(LSTM):
    """LSTM in which every gate reads all of [c, h, x], as in lecture notes."""

    source = "lecture notes; compare Gers and Schmidhuber 2000"

    i = sigmoid(W.i @ x + R.i @ prev.h + P.i @ prev.c)
    f = sigmoid(W.f @ x + R.f @ prev.h + P.f @ prev.c)
    o = sigmoid(W.o @ x + R.o @ prev.h + P.o @ LSTM.c)

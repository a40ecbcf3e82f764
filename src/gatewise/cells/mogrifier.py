"""The Mogrifier LSTM."""

from gatewise.cells.lstm import LSTM
from gatewise.cells.notation import R, U, W, matrices, prev, sigmoid, tanh, x

Q = matrices("Q")


class MogrifierLSTM(LSTM):
    """LSTM whose input, mapped to H units, and last output gate each other in five rounds before the step."""

    source = "Melis, Kocisky and Blunsom 2020, Mogrifier LSTM"

    x1 = 2 * sigmoid(Q.x1 @ prev.h) * (W.x @ x)  # the input, gated by the last output
    h2 = 2 * sigmoid(Q.h2 @ x1) * prev.h  # the last output, gated by the gated input
    x3 = 2 * sigmoid(Q.x3 @ h2) * x1
    h4 = 2 * sigmoid(Q.h4 @ x3) * h2
    x5 = 2 * sigmoid(Q.x5 @ h4) * x3
    i = sigmoid(U.i @ x5 + R.i @ h4)
    f = sigmoid(U.f @ x5 + R.f @ h4)
    g = tanh(U.g @ x5 + R.g @ h4)
    o = sigmoid(U.o @ x5 + R.o @ h4)

"""The plain recurrent network."""

from gatewise.cells.base import Cell
from gatewise.cells.notation import R, W, prev, relu, tanh, x


class RNN(Cell):
    """The simple recurrent network: a tanh of the input and the last hidden state."""

    source = "Elman 1990, Finding structure in time"
    state = ("h",)

    h = tanh(W.h @ x + R.h @ prev.h)


class ReluRNN(RNN):
    """The simple recurrent network with rectified linear units."""

    source = "Le, Jaitly and Hinton 2015, A simple way to initialize recurrent networks of ReLU"

    h = relu(W.h @ x + R.h @ prev.h)

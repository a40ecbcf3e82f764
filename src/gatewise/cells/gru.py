"""Gated recurrent units, whose single state is both memory and output."""

from gatewise.cells.base import Cell
from gatewise.cells.notation import R, W, prev, sigmoid, tanh, x


class GRU(Cell):
    """Gated recurrent unit that resets after the product, as PyTorch and cuDNN do."""

    source = "Cho et al. 2014, in the form of cuDNN (reset after the product)"
    state = ("h",)

    r = sigmoid(W.r @ x + R.r @ prev.h)  # reset: how much of the past the candidate reads
    z = sigmoid(W.z @ x + R.z @ prev.h)  # update: how much of the past to keep
    n = tanh(W.n @ x + r * (R.n @ prev.h))  # the candidate
    h = (1 - z) * n + z * prev.h


class ChoGRU(GRU):
    """Gated recurrent unit that resets before the product, as first published."""

    source = "Cho et al. 2014, Learning phrase representations using RNN encoder-decoder"

    n = tanh(W.n @ x + R.n @ (GRU.r * prev.h))


class MGU(Cell):
    """Minimal gated unit: one gate both resets and updates."""

    source = "Zhou et al. 2016, Minimal gated unit for recurrent neural networks"
    state = ("h",)

    f = sigmoid(W.f @ x + R.f @ prev.h)
    g = tanh(W.g @ x + R.g @ (f * prev.h))  # the candidate
    h = (1 - f) * prev.h + f * g

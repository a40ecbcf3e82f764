"""The GRU whose state decays with the time since values were observed."""

from gatewise.cells.base import Cell
from gatewise.cells.notation import R, W, exp, prev, relu, sigmoid, tanh, x


class GRUD(Cell):
    """Gated recurrent unit whose state decays with the time since its inputs were observed."""

    source = "Che et al. 2018, Recurrent neural networks for multivariate time series with missing values"
    state = ("h",)

    d = exp(-relu(W.d @ x))  # the fraction of the state that is left
    k = d * prev.h
    r = sigmoid(W.r @ x + R.r @ k)  # reset: how much of the past the candidate reads
    z = sigmoid(W.z @ x + R.z @ k)  # update: how much of the candidate to take
    n = tanh(W.n @ x + R.n @ (r * k))  # the candidate
    h = (1 - z) * k + z * n

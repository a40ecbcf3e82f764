"""The variants of Greff et al.: the peephole LSTM with one change each."""

from gatewise.cells.expressions import Expression
from gatewise.cells.notation import R, W, matrices, prev, sigmoid, tanh, x
from gatewise.cells.peephole import PeepholeLSTM


class CoupledLSTM(PeepholeLSTM):
    """CIFG: coupled input and forget gate."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (CIFG)"

    i = 1 - PeepholeLSTM.f


class NoInputGateLSTM(PeepholeLSTM):
    """NIG: no input gate."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (NIG)"

    c = PeepholeLSTM.f * prev.c + PeepholeLSTM.g


class NoForgetGateLSTM(PeepholeLSTM):
    """NFG: no forget gate."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (NFG)"

    c = prev.c + PeepholeLSTM.i * PeepholeLSTM.g


class NoOutputGateLSTM(PeepholeLSTM):
    """NOG: no output gate."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (NOG)"

    h = tanh(PeepholeLSTM.c)


class NoInputActivationLSTM(PeepholeLSTM):
    """NIAF: no input activation function."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (NIAF)"

    g = W.g @ x + R.g @ prev.h


class NoOutputActivationLSTM(PeepholeLSTM):
    """NOAF: no output activation function."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (NOAF)"

    h = PeepholeLSTM.o * PeepholeLSTM.c


I, F, O = matrices("I"), matrices("F"), matrices("O")  # of the last i, f and o


def _and_last_gates(gate: Expression, name: str) -> Expression:
    (drive,) = gate.operands
    return sigmoid(drive + I[name] @ prev.i + F[name] @ prev.f + O[name] @ prev.o)


class FullGateRecurrenceLSTM(PeepholeLSTM):
    """FGR: full gate recurrence, every gate also reads all gates of the step before."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (FGR)"
    state = ("h", "c", "i", "f", "o")  # type: ignore[assignment]

    i = _and_last_gates(PeepholeLSTM.i, "i")
    f = _and_last_gates(PeepholeLSTM.f, "f")
    o = _and_last_gates(PeepholeLSTM.o, "o")

"""The single changes of Greff et al.: each cell is the peephole LSTM but for one thing."""

from gatewise.cells.expressions import Expression
from gatewise.cells.notation import R, W, matrices, prev, sigmoid, tanh, x
from gatewise.cells.peephole import PeepholeLSTM


class CoupledLSTM(PeepholeLSTM):
    """CIFG: what is forgotten makes room for what is written."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (CIFG)"

    i = 1 - PeepholeLSTM.f


class NoInputGateLSTM(PeepholeLSTM):
    """NIG: every candidate is written whole."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (NIG)"

    c = PeepholeLSTM.f * prev.c + PeepholeLSTM.g


class NoForgetGateLSTM(PeepholeLSTM):
    """NFG: nothing is forgotten."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (NFG)"

    c = prev.c + PeepholeLSTM.i * PeepholeLSTM.g


class NoOutputGateLSTM(PeepholeLSTM):
    """NOG: the memory is shown whole."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (NOG)"

    h = tanh(PeepholeLSTM.c)


class NoInputActivationLSTM(PeepholeLSTM):
    """NIAF: the candidate is linear."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (NIAF)"

    g = W.g @ x + R.g @ prev.h


class NoOutputActivationLSTM(PeepholeLSTM):
    """NOAF: the memory is shown as it is."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (NOAF)"

    h = PeepholeLSTM.o * PeepholeLSTM.c


I, F, O = matrices("I"), matrices("F"), matrices("O")  # from the last i, f and o


def _and_last_gates(gate: Expression, name: str) -> Expression:
    (drive,) = gate.operands
    return sigmoid(drive + I[name] @ prev.i + F[name] @ prev.f + O[name] @ prev.o)


class FullGateRecurrenceLSTM(PeepholeLSTM):
    """FGR: every gate also sees all gates of the step before."""

    source = "Greff et al. 2015, LSTM: A search space odyssey (FGR)"
    state = ("h", "c", "i", "f", "o")  # type: ignore[assignment]

    i = _and_last_gates(PeepholeLSTM.i, "i")
    f = _and_last_gates(PeepholeLSTM.f, "f")
    o = _and_last_gates(PeepholeLSTM.o, "o")

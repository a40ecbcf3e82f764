"""The cells whose kernels only thorough tests compile, which takes minutes for all of them."""

import pytest

from gatewise.cells import cells

# Each lacks a factor or a gate of the equations of the LSTM or the GRU, or resembles another cell without a
# matrix between steps. The reference and the compiler's steps are always tested.
RARE = {
    "LSTM1997", "NoInputGateLSTM", "NoForgetGateLSTM", "NoOutputGateLSTM", "CoupledLSTM",
    "NoInputActivationLSTM", "NoOutputActivationLSTM", "MGU", "MinLSTM", "RGLRU", "SRU", "QRNN", "IndRNN",
}  # fmt: skip


def every_cell(matrices=True):
    """Every built-in cell as a parameter of a test; those that are rare are marked as thorough.

    matrices: whether those with a matrix memory are included, which have no kernel of their own
    """
    return [
        pytest.param(cell, id=name, marks=pytest.mark.thorough if name in RARE else ())
        for name, cell in cells().items()
        if matrices or not cell.matrix_states
    ]

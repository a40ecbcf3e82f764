"""Checks for NaN and infinite weights, which a diverged training leaves behind."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from gatewise.errors import GatewiseError

ADVICE = "train it again with a lower --learning-rate or --gradient-clip"


def require_finite_weights(network: nn.Module, where: str) -> None:
    """Checks all parameters and buffers of a network.

    Raises: `GatewiseError` if a parameter is infinite, or if a parameter or buffer is NaN.

    >>> require_finite_weights(nn.Linear(2, 3), "the model")
    """
    parameters = dict(network.named_parameters())
    for name, values in network.state_dict().items():
        invalid = ~values.isfinite() if name in parameters else values.isnan()
        if invalid.any():
            raise GatewiseError(f"{where} holds {float(values[invalid][0])} in {name!r}: {ADVICE}")


def require_no_nan(values: Tensor | np.ndarray, what: str) -> None:
    """Checks values for NaN.

    Raises: `GatewiseError` if a value is NaN.

    >>> require_no_nan(torch.tensor([0.5, -torch.inf]), "the model's scores")
    """
    if torch.as_tensor(values).isnan().any():
        raise GatewiseError(f"{what} are not a number (NaN): {ADVICE}")

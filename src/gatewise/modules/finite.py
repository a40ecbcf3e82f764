"""What no network may hold or predict: NaN, or infinite weights, as a training that diverged leaves them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from gatewise.errors import GatewiseError

ADVICE = "train it again with a lower --learning-rate or --gradient-clip"


def require_finite_weights(network: nn.Module, where: str) -> None:
    """Errors: `GatewiseError` where a parameter of a network is infinite, or any number of it NaN.

    >>> require_finite_weights(nn.Linear(2, 3), "the model")
    """
    parameters = dict(network.named_parameters())
    for name, values in network.state_dict().items():
        wrong = ~values.isfinite() if name in parameters else values.isnan()
        if wrong.any():
            raise GatewiseError(f"{where} holds {float(values[wrong][0])} in {name!r}: {ADVICE}")


def require_no_nan(values: Tensor | np.ndarray, what: str) -> None:
    """Errors: `GatewiseError` where one of the values is NaN.

    >>> require_no_nan(torch.tensor([0.5, -torch.inf]), "the model's scores")
    """
    if torch.as_tensor(values).isnan().any():
        raise GatewiseError(f"{what} are not a number (NaN): {ADVICE}")

"""What no exported graph of a layer can have."""

from __future__ import annotations

from torch import Tensor

from gatewise.engine.request import Request


def layer_obstacle(request: Request) -> str | None:
    """The reason why a layer can't be exported, or None."""
    if request.is_int8:
        return "its weights are int8; export the model that was quantized, with quantize='int8'"
    if request.trace:
        return "a trace of all gates was asked for"
    if request.hidden_mask is not None or any(isinstance(one, Tensor) for one in request.zoneout.values()):
        return "it has the noise of training; call eval() first"
    return None

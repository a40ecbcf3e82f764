"""Checks of the arguments of all layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.errors import GatewiseError


def check_whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise GatewiseError(f"expected {name} as a whole number of at least {least}, got {value!r}")


def check_heads(heads: int, hidden_sizes: Sequence[int]) -> int:
    """Checks that a number of heads divides the units of each layer."""
    check_whole("heads", heads, 1)
    for size in hidden_sizes:
        if size % heads:
            fitting = [one for one in range(1, size + 1) if size % one == 0 and one <= 2 * heads]
            raise GatewiseError(
                f"heads={heads} does not divide the {size} units; give one of "
                f"{', '.join(map(str, fitting))}, or another hidden_size"
            )
    return heads


def check_cell(cell: Any, example: str) -> None:
    if not isinstance(cell, CellType) or not cell.state:
        raise GatewiseError(f"expected cell as a class of equations such as {example}, got {cell!r}")


def check_dense(name: str, value: Tensor) -> None:
    if value.layout != torch.strided:
        raise GatewiseError(f"expected {name} as a dense tensor, got one of the layout {value.layout}")


def check_input(values: Tensor, parameter: Tensor) -> None:
    """Checks that an input is dense and has the device and dtype of its layer.

    Under autocast any dtype is allowed.
    """
    check_dense("input", values)
    if values.device != parameter.device:
        raise GatewiseError(f"expected input on {parameter.device}, as the layer, got {values.device}")
    if values.dtype != parameter.dtype and not torch.is_autocast_enabled(values.device.type):
        raise GatewiseError(f"expected input of dtype {parameter.dtype}, the layer's own, got {values.dtype}")


def check_state(name: str, value: Tensor, like: Tensor) -> None:
    """Checks that a state is dense and has the device and dtype of the input.

    Under autocast any dtype is allowed.
    """
    check_dense(f"state {name}", value)
    if value.device != like.device:
        raise GatewiseError(f"expected state {name} on {like.device}, as the input, got {value.device}")
    if value.dtype != like.dtype and not torch.is_autocast_enabled(like.device.type):
        raise GatewiseError(f"expected state {name} of dtype {like.dtype}, got {value.dtype}")

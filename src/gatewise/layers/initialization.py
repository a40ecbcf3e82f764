"""The initial values of a layer's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, sqrt

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.compiler.layout import Parameter, added_to
from gatewise.errors import GatewiseError


def initialize(
    parameters: Mapping[str, Tensor],
    kinds: tuple[Parameter, ...],
    hidden_size: int,
    cell: CellType,
    biases: Mapping[str, float],
) -> None:
    """Draws parameters uniformly from +-1/sqrt(H) as in `torch.nn`; gains are one, shifts zero.

    biases: the initial biases of gates
    """
    bound = 1 / sqrt(hidden_size)
    for parameter in kinds:
        values = parameters[parameter.name]
        if parameter.kind == "gain":
            torch.nn.init.ones_(values)
        elif parameter.kind == "shift":
            torch.nn.init.zeros_(values)
        else:
            torch.nn.init.uniform_(values, -bound, bound)
    if "projection" in parameters:
        torch.nn.init.uniform_(parameters["projection"], -bound, bound)
    for gate, value in biases.items():
        _initialize_gate(parameters, kinds, cell, gate, value)


def _initialize_gate(
    parameters: Mapping[str, Tensor], kinds: tuple[Parameter, ...], cell: CellType, gate: str, value: float
) -> None:
    """Sets the biases of a gate's line so that they sum to `value`."""
    known = {parameter.name: parameter for parameter in kinds}
    for number, (name, block) in enumerate(added_to(cell, gate)):
        blocks = parameters[name].data.chunk(len(known[name].blocks))
        blocks[known[name].blocks.index(block)].fill_(value if number == 0 else 0.0)


def initial_biases(cell: CellType, forget_bias: float | None, bias: bool) -> dict[str, float]:
    """The initial biases of gates, by gate.

    Raises: `GatewiseError` if a forget bias is given, and the layer has no forget gate or no biases.
    """
    if forget_bias is None:
        return dict(cell.initial_bias) if bias else {}
    if not isinstance(forget_bias, int | float) or not isfinite(forget_bias):
        raise GatewiseError(f"expected forget_bias as a number, got {forget_bias!r}")
    if "f" not in cell.gates or not bias or not added_to(cell, "f"):
        what = "bias=False" if "f" in cell.gates else f"{cell.__name__}, whose gates are {cell.gates}"
        raise GatewiseError(f"forget_bias={forget_bias} was given with {what}; leave it out")
    return {**cell.initial_bias, "f": forget_bias}

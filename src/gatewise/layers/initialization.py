"""The values that a layer's parameters start from."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, sqrt

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.compiler.layout import Parameter, added_to
from gatewise.errors import GatewiseError


def start(
    parameters: Mapping[str, Tensor], kinds: tuple[Parameter, ...], hidden_size: int, cell: CellType,
    biases: Mapping[str, float],
) -> None:  # fmt: skip
    """Uniform in +-1/sqrt(H) as in `torch.nn`; gains start at one, shifts at zero, gates from `biases`."""
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
        _start_gate(parameters, kinds, cell, gate, value)


def _start_gate(
    parameters: Mapping[str, Tensor], kinds: tuple[Parameter, ...], cell: CellType, gate: str, value: float
) -> None:
    """Lets the biases inside a gate's line sum up to `value`."""
    known = {parameter.name: parameter for parameter in kinds}
    for place, (name, block) in enumerate(added_to(cell, gate)):
        blocks = parameters[name].data.chunk(len(known[name].blocks))
        blocks[known[name].blocks.index(block)].fill_(value if place == 0 else 0.0)


def bias_starts(cell: CellType, forget_bias: float | None, bias: bool) -> dict[str, float]:
    """The gates whose bias starts from a value of its own.

    Errors: `GatewiseError` where a forget bias is asked of a layer that has no place for it.
    """
    if forget_bias is None:
        return dict(cell.start) if bias else {}
    if not isinstance(forget_bias, int | float) or not isfinite(forget_bias):
        raise GatewiseError(f"expected forget_bias as a number, got {forget_bias!r}")
    if "f" not in cell.gates or not bias or not added_to(cell, "f"):
        what = "bias=False" if "f" in cell.gates else f"{cell.__name__}, whose gates are {cell.gates}"
        raise GatewiseError(f"forget_bias={forget_bias} was given with {what}; leave it out")
    return {**cell.start, "f": forget_bias}

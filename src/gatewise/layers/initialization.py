"""The initial values of a layer's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, sqrt

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Constant, Expression, Operation, Position, Uniform
from gatewise.cells.initial_values import Initial
from gatewise.compiler.layout import Parameter, added_to
from gatewise.engine.step import FUNCTIONS
from gatewise.errors import GatewiseError


def initialize(
    parameters: Mapping[str, Tensor],
    kinds: tuple[Parameter, ...],
    hidden_size: int,
    cell: CellType,
    biases: Mapping[str, Initial],
) -> None:
    """Draws parameters uniformly from +-1/sqrt(H) as in `torch.nn`; gains are one, shifts zero.

    The vectors that the cell gives initial values have these. biases: the initial biases of gates
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
    known = {parameter.name: parameter for parameter in kinds}

    def set_block(name: str, block: str, value: Initial) -> None:
        own = parameters[name].data.chunk(len(known[name].blocks))[known[name].blocks.index(block)]
        own[:] = evaluated(value, len(own)) if isinstance(value, Expression) else value

    for gate, value in biases.items():
        added = added_to(cell, gate)
        if not added:
            raise GatewiseError(
                f"{cell.__name__}.initial_bias names {gate!r}, whose line adds no bias; name the line with "
                "the product"
            )
        for number, (name, block) in enumerate(added):  # which sum to the value
            set_block(name, block, value if number == 0 else 0.0)
    for vector, initial in cell.initial_vectors.items():
        if vector.family in known:
            set_block(vector.family, vector.block, initial)


def evaluated(value: Expression, units: int) -> Tensor | float:
    """An initial value for each unit.

    >>> from gatewise.cells import exp, position
    >>> evaluated(exp(position * 2), 3)
    tensor([1.0000, 2.7183, 7.3891])
    """
    known = {Uniform: torch.rand(units), Position: torch.linspace(0, 1, units)}

    def of(one: Expression) -> Tensor | float:
        match one:
            case Constant(value=number):
                return number
            case Operation(function=name, arguments=arguments):
                found: Tensor | float = FUNCTIONS[name](*map(of, arguments))
                return found
        return known[type(one)]

    return of(value)


def initial_biases(cell: CellType, forget_bias: float | None, bias: bool) -> dict[str, Initial]:
    """The initial biases of gates, by gate.

    Raises: `GatewiseError` if a forget bias is given, and the layer has no forget gate or no biases.
    """
    if forget_bias is None:
        return dict(cell.initial_bias) if bias else {}
    if not isinstance(forget_bias, int | float) or not isfinite(forget_bias):
        raise GatewiseError(f"expected forget_bias as a number, got {forget_bias!r}")
    if "f" not in cell.gates or not bias or not added_to(cell, "f"):
        what = "bias=False"
        if "f" not in cell.gates:
            what = f"{cell.__name__}, whose gates are {cell.gates}"
        elif bias:
            what = f"{cell.__name__}, whose line f adds no bias"
        raise GatewiseError(f"forget_bias={forget_bias} was given with {what}; leave it out")
    return {**cell.initial_bias, "f": forget_bias}

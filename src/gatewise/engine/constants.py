"""A request in the form of kernels: rows for all units, and functions of parameters computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.cells.expressions import Constant, Expression, Operation, Vector
from gatewise.compiler.constants import CONSTANT, with_constants
from gatewise.compiler.layout import layout
from gatewise.engine.request import Request, selected_blocks
from gatewise.engine.step import FUNCTIONS


def kernel_cell(request: Request) -> CellType:
    """The cell of `for_kernels`."""
    return with_constants(request.dense_cell)[0]


def for_kernels(request: Request, by_head: bool = False) -> Request:
    """The same request with a row for each unit, and with a vector in place of each function of vectors.

    by_head: as in `Request.dense`
    """
    return with_vectors(request.dense(by_head))


def with_vectors(request: Request) -> Request:
    """The same request with a vector in place of each function of vectors.

    The gradients of vectors continue through the functions.
    """
    cell, constants = with_constants(request.cell)
    if not constants:
        return request
    kinds = {one.name: one for one in layout(request.cell).parameters}
    like = next(iter(request.parameters.values()))
    zeros = like.new_zeros(request.keys * request.heads)  # a bias of a layer without biases
    vectors = {
        (name, block): request.parameters[name].chunk(len(kind.blocks))[place]
        if name in request.parameters
        else zeros
        for name, kind in kinds.items()
        if kind.kind == "vector"
        for place, block in enumerate(kind.blocks)
    }
    values = [_value(one, vectors) for one in constants.values()]
    parameters = {}
    for kind in layout(cell).parameters:
        if kind.name in request.parameters:
            own = request.parameters[kind.name]
            parameters[kind.name] = selected_blocks(own, kinds[kind.name].blocks, kind.blocks)
    others = {name: one for name, one in request.parameters.items() if name not in kinds}  # such as scales
    return replace(request, cell=cell, parameters={**parameters, **others, CONSTANT: torch.cat(values)})


def _value(expression: Expression, vectors: Mapping[tuple[str, str], Tensor]) -> Any:
    """The value of a function of vectors, [H]."""
    match expression:
        case Constant(value=number):
            return number
        case Vector(family=family, block=block):
            return vectors[family, block]
        case Operation(function=name, arguments=arguments):
            return FUNCTIONS[name](*(_value(one, vectors) for one in arguments))
    raise TypeError(f"{expression} is no function of vectors")

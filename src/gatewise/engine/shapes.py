"""Checks the shapes of a request: a kernel computes addresses from them, and PyTorch would broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import attrgetter

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.compiler.layout import is_bias, layout
from gatewise.compiler.program import PROJECTION
from gatewise.engine import int8
from gatewise.engine.request import Request
from gatewise.errors import GatewiseError

Shape = tuple[int, ...]
SHAPE = attrgetter("shape")


def check(request: Request) -> None:
    """Compares parameters, states, lengths, resets and masks with the layout of the cell.

    Raises: `GatewiseError` that names the first tensor of another shape.
    """
    cell, parameters, state = request.cell, request.parameters, request.state
    *sizes, batch, inputs = request.inputs.shape
    projection = parameters.get(PROJECTION)
    vectors = [name for name, one in cell.previous.items() if one.state not in cell.matrix_states]
    hidden = (state[vectors[-1]] if projection is None else projection).shape[-1]
    output = hidden if projection is None else state[cell.state[0]].shape[-1]
    if request.is_int8:
        check_int8(request)
    if hidden % request.heads or (projection is not None and request.heads > 1):
        raise GatewiseError(
            f"expected heads that divide {hidden} units, and no projection, got {request.heads}"
        )
    names, heads = tuple(parameters), request.heads
    expected = _parameter_shapes(cell, names, inputs, hidden, output, heads, request.is_int8)
    if [one.shape for one in parameters.values()] != expected:
        for (name, one), shape in zip(parameters.items(), expected, strict=True):
            _check_shape(f"parameter {name}", shape, one)
    first, single = cell.state[0], len(sizes) == 1
    for name, previous in cell.previous.items():
        side = () if single else (*sizes[: previous.axis - 1], *sizes[previous.axis :])
        width: Shape = (output,) if previous.state == first else (hidden,)
        if previous.state in cell.matrix_states:
            width = (hidden, hidden // request.heads)
        _check_shape(name, (*side, batch, *width), state[name])
    if request.lengths is not None:
        _check_shape("lengths", (batch,) if single else (batch, len(sizes)), request.lengths)
    if request.resets is not None:
        _check_shape("resets", (*sizes, batch), request.resets)
    if request.elapsed is not None:
        _check_shape("elapsed", (*sizes, batch), request.elapsed)
    if request.hidden_mask is not None:
        _check_shape("hidden_mask", (batch, output), request.hidden_mask)
    for name, stays in request.zoneout.items() if request.zoneout else ():
        if isinstance(stays, Tensor) and stays.dim():  # of every step, or one for all steps
            steps = () if stays.dim() == state[name].dim() else sizes
            _check_shape(f"zoneout of {name}", (*steps, *state[name].shape), stays)


def description(request: Request) -> tuple[object, ...]:
    """The names and shapes that `check` compares, and the options of a request."""
    state, parameters = request.state, request.parameters
    tensors = [request.inputs, *[state[name] for name in request.cell.previous], *parameters.values()]
    more: tuple[object, ...] = ()
    if request.lengths is not None or request.resets is not None or request.elapsed is not None:
        more = (_shape(request.lengths), _shape(request.resets), _shape(request.elapsed))
    if request.zoneout or request.hidden_mask is not None:
        more += (_shape(request.hidden_mask), *[(name, _shape(one)) for name, one in request.zoneout.items()])
    options = request.reverse, request.trace, request.recompute, request.heads
    return (options, *map(SHAPE, tensors), *parameters, *more)


def _shape(given: Tensor | float | None) -> object:
    """The shape of a tensor, a number itself."""
    return given.shape if isinstance(given, Tensor) else given


def check_types(request: Request) -> None:
    """Compares the dtypes and devices of the parameters, for backends that would promote dtypes.

    Raises: `GatewiseError` that names the first parameter that differs.
    """
    if request.is_int8:
        return  # `check` has compared them
    names, (like, *others) = list(request.parameters), request.parameters.values()
    for name, one in zip(names[1:], others, strict=True):
        if one.dtype != like.dtype or one.device != like.device:
            raise GatewiseError(
                f"expected parameter {name} as {like.dtype} on {like.device}, as {names[0]}, "
                f"got {one.dtype} on {one.device}"
            )


def check_int8(request: Request) -> None:
    """Checks that all but the matrices is float32, and that no gradient is needed.

    Raises: `GatewiseError` that names the first tensor of another dtype or device, or that needs a gradient.
    """
    parameters, like = request.parameters, request.inputs
    given = {"input": like, **{f"state {name}": one for name, one in request.state.items()}, **parameters}
    for name, one in given.items():
        expected = torch.int8 if int8.scale_name(name) in parameters else torch.float32
        if one.dtype != expected or one.device != like.device:
            raise GatewiseError(
                f"a layer with int8 weights needs {name} as {expected} on {like.device}, "
                f"got {one.dtype} on {one.device}"
            )
        if expected is torch.int8 and one.shape[-1] > int8.WIDEST:
            raise GatewiseError(
                f"expected an int8 matrix {name} of at most {int8.WIDEST} columns, got {one.shape[-1]}"
            )
        if one.requires_grad and torch.is_grad_enabled():
            raise GatewiseError(
                f"a layer with int8 weights computes no gradient, and {name} requires one; "
                "run it under torch.no_grad(), or use the layer that was quantized"
            )


def check_lengths(lengths: Tensor, sizes: Sequence[int]) -> None:
    """Checks the values of `lengths`, which no layer can read while a graph is traced.

    Raises: `GatewiseError` that names the first sequence that is longer than T, or shorter than 0; the first
        lattice that is larger than its batch, or has a size of 0.
    """
    single = len(sizes) == 1
    least, most, kind = (0, sizes[0], "sequence") if single else (1, list(sizes), "lattice")
    wrong = (lengths < least) | (lengths > torch.tensor(most, device=lengths.device))
    if wrong.any():
        row = int(wrong.nonzero()[0][0])
        raise GatewiseError(
            f"expected lengths in {least}..{most}, got {lengths[row].tolist()} for {kind} {row}"
        )


@cache
def _parameter_shapes(
    cell: CellType, names: tuple[str, ...], inputs: int, hidden: int, output: int, heads: int, scaled: bool
) -> list[Shape]:
    """The shapes of the parameters of a request, in their order."""
    known = {one.name: one.shape(inputs, hidden, output, heads) for one in layout(cell).parameters}
    needed = [one.name for one in layout(cell).parameters if not is_bias(one)]
    if PROJECTION in names:
        known[PROJECTION] = (output, hidden)
    if scaled:
        scales = {int8.scale_name(name): shape[:1] for name, shape in known.items() if len(shape) == 2}
        known |= scales
        needed += scales
    missing = [name for name in needed if name not in names]
    unknown = [name for name in names if name not in known]
    if missing or unknown:
        raise GatewiseError(
            f"expected the parameters {', '.join(known)} of {cell.__name__}, got {', '.join(names)}"
        )
    return [known[name] for name in names]


def _check_shape(what: str, expected: Shape, given: Tensor) -> None:
    if given.shape != expected:
        raise GatewiseError(f"expected {what} of shape {list(expected)}, got {list(given.shape)}")

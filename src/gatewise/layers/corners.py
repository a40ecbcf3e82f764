"""The corners of a lattice whence a layer runs, and the forms in which lattices come and go."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal

import torch
from torch import Tensor

from gatewise.engine.request import Trace
from gatewise.errors import GatewiseError

Directions = Literal["forward", "all"]
Combine = Literal["concatenate", "sum", "separate"]
Corner = tuple[bool, ...]  # for each axis, whether the run goes from its end to its beginning


def corners(directions: Directions, axes: int) -> list[Corner]:
    """Where runs begin: at the first corner, or at each of the `2^axes`.

    >>> corners("all", 2)
    [(False, False), (False, True), (True, False), (True, True)]
    """
    if directions not in ("forward", "all"):
        raise GatewiseError(f'expected directions as "forward" or "all", got {directions!r}')
    return list(product((False, True), repeat=axes)) if directions == "all" else [(False,) * axes]


def suffix(corner: Corner) -> str:
    """Of the names of a corner's parameters: the axes along which it runs backwards.

    >>> suffix((False, False)), suffix((True, False, True))
    ('', '_reverse13')
    """
    turned = "".join(str(axis) for axis, back in enumerate(corner, 1) if back)
    return f"_reverse{turned}" if turned else ""


def combined(outputs: Sequence[Tensor], how: Combine) -> Tensor | tuple[Tensor, ...]:
    """The outputs of all corners as one, or each by itself."""
    if how == "separate":
        return tuple(outputs)
    if how == "sum":
        return torch.stack(tuple(outputs)).sum(0) if len(outputs) > 1 else outputs[0]
    return torch.cat(tuple(outputs), dim=-1) if len(outputs) > 1 else outputs[0]


def check_combine(how: str) -> None:
    if how not in ("concatenate", "sum", "separate"):
        raise GatewiseError(f'expected combine as "concatenate", "sum" or "separate", got {how!r}')


def read_lattice(input: Tensor, axes: int, input_size: int) -> tuple[Tensor, bool]:
    """[B, L1, ..., LN, I] (or without B) as the engine wants it, [L1, ..., LN, B, I]; and if B was there."""
    wanted = f"[B, {', '.join(f'L{k}' for k in range(1, axes + 1))}, {input_size}]".replace(", ,", ",")
    if not isinstance(input, Tensor) or not input.is_floating_point():
        told = input.dtype if isinstance(input, Tensor) else type(input).__name__
        raise GatewiseError(f"expected input as a floating point Tensor {wanted}, got {told}")
    if input.dim() not in (axes + 1, axes + 2) or input.shape[-1] != input_size or 0 in input.shape[:-1]:
        raise GatewiseError(
            f"expected input of shape {wanted}, no size being zero, B being optional, got {list(input.shape)}"
        )
    batched = input.dim() == axes + 2
    return time_first(input if batched else input.unsqueeze(0), axes), batched


def read_sizes(given: Tensor | Sequence[Sequence[int]] | None, values: Tensor, axes: int) -> Tensor | None:
    """Each sample's own sizes [B, N], checked against those of the whole."""
    if given is None:
        return None
    sizes = torch.as_tensor(given)
    batch, most = values.shape[axes], torch.tensor(values.shape[:axes])
    if sizes.dtype.is_floating_point or sizes.dtype == torch.bool or list(sizes.shape) != [batch, axes]:
        raise GatewiseError(
            f"expected sizes as whole numbers [{batch}, {axes}], got {sizes.dtype} {list(sizes.shape)}"
        )
    sizes = sizes.to("cpu", torch.int64)
    if bool(((sizes < 1) | (sizes > most)).any()):
        raise GatewiseError(f"expected sizes in 1..{most.tolist()}, got {sizes.tolist()}")
    return sizes


def time_first(values: Tensor, axes: int) -> Tensor:
    """[B, *L, F] -> [*L, B, F]."""
    return values.movedim(0, axes)


def batch_first(values: Tensor, batched: bool) -> Tensor:
    """[*L, B, F] -> [B, *L, F], or [*L, F] where there was no B."""
    moved = values.movedim(-2, 0)
    return moved if batched else moved.squeeze(0)


def trace_batch_first(trace: Trace | None, batched: bool) -> Trace:
    assert trace is not None
    return Trace(
        {name: batch_first(values, batched) for name, values in trace.states.items()},
        {name: batch_first(values, batched) for name, values in trace.gates.items()},
    )


def side(sizes: Sequence[int], axis: int) -> list[int]:
    """The sizes of the side by which an axis (1, 2, ...) enters or leaves."""
    place = max(0, axis - 1)
    return [*sizes[:place], *sizes[place + 1 :]]

"""The corners of a lattice whence a layer runs, and what becomes of their results."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal

import torch
from torch import Tensor

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

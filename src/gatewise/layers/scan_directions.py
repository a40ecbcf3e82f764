"""Scan directions of a lattice, and how to combine their outputs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal

import torch
from torch import Tensor

from gatewise.errors import GatewiseError

Directions = Literal["forward", "all"]
Combine = Literal["concatenate", "sum", "separate"]
ScanDirection = tuple[bool, ...]  # for each axis, whether it is scanned backwards


def scan_directions(directions: Directions, axes: int) -> list[ScanDirection]:
    """The forward direction alone, or all `2^axes` directions.

    >>> scan_directions("all", 2)
    [(False, False), (False, True), (True, False), (True, True)]
    """
    if directions not in ("forward", "all"):
        raise GatewiseError(f'expected directions as "forward" or "all", got {directions!r}')
    return list(product((False, True), repeat=axes)) if directions == "all" else [(False,) * axes]


def suffix(direction: ScanDirection) -> str:
    """The suffix of the names of a direction's parameters: the axes that it scans backwards.

    >>> suffix((False, False)), suffix((True, False, True))
    ('', '_reverse13')
    """
    reversed_axes = "".join(str(axis) for axis, back in enumerate(direction, 1) if back)
    return f"_reverse{reversed_axes}" if reversed_axes else ""


def combined(outputs: Sequence[Tensor], how: Combine) -> Tensor | tuple[Tensor, ...]:
    """The outputs of all scan directions concatenated, summed or as a tuple."""
    if how == "separate":
        return tuple(outputs)
    if how == "sum":
        return torch.stack(tuple(outputs)).sum(0) if len(outputs) > 1 else outputs[0]
    return torch.cat(tuple(outputs), dim=-1) if len(outputs) > 1 else outputs[0]


def check_combine(how: str) -> None:
    if how not in ("concatenate", "sum", "separate"):
        raise GatewiseError(f'expected combine as "concatenate", "sum" or "separate", got {how!r}')

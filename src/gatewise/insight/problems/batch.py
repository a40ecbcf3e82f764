"""Batches of problems: synthetic sequences with known targets."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Problem(NamedTuple):
    """A batch of sequences with targets at the last step.

    inputs: [T, B, I]
    targets: [B, N] classes, or [B, 1] real numbers if `classes` is 0
    classes: the number of classes of a target
    lengths: [B], the steps of each sequence; None if all have T
    """

    inputs: Tensor
    targets: Tensor
    classes: int
    lengths: Tensor | None = None


class StepProblem(NamedTuple):
    """A batch of sequences with targets at many steps.

    inputs: [T, B, I]
    targets: [T, B, K], the target of each output; several are 1 where several symbols may follow
    counted: [T, B] bool, the steps that have a target
    """

    inputs: Tensor
    targets: Tensor
    counted: Tensor

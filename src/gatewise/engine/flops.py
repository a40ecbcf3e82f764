"""The floating-point operations of kernels, for `torch.utils.flop_counter.FlopCounterMode`.

A mode knows the formulas that were registered when it was created: import this module before.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from gatewise.compiler.layout import layout
from gatewise.engine import memory_operator, operators  # noqa: F401 (which have the operators)
from gatewise.engine.tickets import read_ticket
from gatewise.engine.triton import lattice_operator, operator  # noqa: F401

OF_GPUS = torch.ops.gatewise.steps, torch.ops.gatewise.diagonals


@register_flop_formula([torch.ops.gatewise.along, *OF_GPUS], get_raw=True)
def forward_flops(inputs: Tensor, parameters: Sequence[Tensor], *rest: Any, **output: Any) -> int:
    """Two for each weight and position: `2 T B (the sizes of all matrices)`.

    As in PyTorch's own formulas, products with matrices are counted, elementwise operations are not.
    Positions beyond the length of a sequence are counted.

    >>> import torch, gatewise
    >>> from torch.utils.flop_counter import FlopCounterMode
    >>> with FlopCounterMode(display=False) as counter:
    ...     output, state = gatewise.LSTM(5, 8)(torch.randn(10, 3, 5))
    >>> counter.get_total_flops() == 2 * 10 * 3 * 4 * 8 * (5 + 8)
    True
    """
    return _per_position(inputs) * sum(one.numel() for one in parameters if one.dim() == 2)


@register_flop_formula(torch.ops.gatewise.along_backward, get_raw=True)
def backward_flops(
    gradients: Sequence[Tensor | None],
    wanted: Sequence[int],
    history: Sequence[Tensor],
    intermediates: Tensor | None,
    inputs: Tensor,
    parameters: Sequence[Tensor],
    *rest: Any,
    **output: Any,
) -> int:
    """Those of the products for the gradients of weights, of states and, if they need one, of inputs.

    A forward pass that is repeated since it saved no gates is counted, too.
    """
    *_, ticket, _, _, recompute = rest
    return _of_gradient(wanted, inputs, parameters, ticket, recompute or not history)


@register_flop_formula(
    [torch.ops.gatewise.steps_backward, torch.ops.gatewise.diagonals_backward], get_raw=True
)
def gpu_backward_flops(
    gradients: Sequence[Tensor | None],
    wanted: Sequence[int],
    history: Sequence[Tensor],
    inputs: Tensor,
    parameters: Sequence[Tensor],
    *rest: Any,
    **output: Any,
) -> int:
    """The same for the operators of a GPU, which save states and gates."""
    ticket = next(one for one in rest if isinstance(one, str))
    return _of_gradient(wanted, inputs, parameters, ticket, len(history) < 2)


def _of_gradient(
    wanted: Sequence[int], inputs: Tensor, parameters: Sequence[Tensor], ticket: str, repeated: bool
) -> int:
    """repeated: whether a forward pass is, too"""
    own = read_ticket(ticket)
    of_input = {one.name for one in layout(own.cell).parameters if one.width == "input"}
    weights = sum(one.numel() for one in parameters if one.dim() == 2 and repeated)
    for name, matrix, needs_gradient in zip(own.names, parameters, wanted[1:], strict=False):
        if matrix.dim() == 2:
            weights += matrix.numel() * (needs_gradient + (wanted[0] if name in of_input else 1))
    return _per_position(inputs) * weights


@register_flop_formula(torch.ops.gatewise.memories, get_raw=True)
def memory_flops(initial: Tensor, a: Tensor, *rest: Any, **output: Any) -> int:
    """Two to write and two to read, for each unit, key and step: `4 T B H K`."""
    return 4 * a.shape[0] * initial.numel()


@register_flop_formula(torch.ops.gatewise.memories_backward, get_raw=True)
def memory_backward_flops(
    by_read: Tensor | None, by_final: Tensor | None, initial: Tensor, a: Tensor, *rest: Any, **output: Any
) -> int:
    """Four products for gradients, and the memories that are written again: `10 T B H K`."""
    return 10 * a.shape[0] * initial.numel()


def _per_position(inputs: Tensor) -> int:
    return 2 * prod(inputs.shape[:-1])

"""The order of steps in sequences of different lengths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from gatewise.engine.request import LayerResult, Request, Trace


def within(lengths: Tensor, steps: int) -> Tensor:
    """[steps, B] bool: whether a step is inside its sequence."""
    return torch.arange(steps, device=lengths.device)[:, None] < lengths


def in_running_order(request: Request) -> tuple[Request, Tensor | None]:
    """A request whose steps run from the first to the last, and where steps are inside their sequence [T, B].

    Padding, which may contain anything, NaN included, becomes zeros; resets beyond an end are dropped.
    """
    inputs, resets, lengths, (reverse,) = request.inputs, request.resets, request.lengths, request.directions
    inside = None
    if lengths is not None:
        inside = within(lengths, inputs.shape[0])
        inputs = inputs.masked_fill(~inside[:, :, None], 0.0)
        resets = None if resets is None else resets & inside
    if reverse:
        inputs = backwards(inputs, lengths)
        resets = None if resets is None else resets_backwards(resets, lengths)
    return replace(request, inputs=inputs, resets=resets, reverse=False), inside


def in_given_order(
    request: Request, values: Mapping[str, Tensor], final: dict[str, Tensor], inside: Tensor | None
) -> LayerResult:
    """The result of a request, from the values of lines at the steps of `in_running_order`, [T, B, H] each.

    values: by name; the output, and for a trace all states and intermediates that are vectors
    """
    cell, found = request.cell, dict(values)
    if inside is not None:
        found = {name: one.masked_fill(~inside[:, :, None], 0.0) for name, one in found.items()}
    if request.directions == (True,):
        found = {name: backwards(one, request.lengths) for name, one in found.items()}
    trace = None
    if request.trace:
        states = {name: found[name] for name in cell.state if name in found}
        trace = Trace(states, {name: found[name] for name in cell.intermediates})
    return LayerResult(found[cell.state[0]], final, trace)


def backwards(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Each sequence of [T, B, ...] from its last step to its first; padding stays in place.

    >>> backwards(torch.tensor([[1, 4], [2, 5], [3, 6]]), torch.tensor([3, 2]))
    tensor([[3, 5],
            [2, 4],
            [1, 6]])
    """
    if lengths is None:
        return values.flip(0)
    steps = torch.arange(values.shape[0], device=values.device)[:, None]
    order = torch.where(steps < lengths, lengths - 1 - steps, steps)
    order = order.reshape(*order.shape, *[1] * (values.dim() - 2)).expand_as(values)
    return values.gather(0, order)


def elapsed_backwards(elapsed: Tensor, lengths: Tensor | None) -> Tensor:
    """The times between steps in the order of a backward run, whose first step has the time of the first.

    >>> elapsed_backwards(torch.tensor([[0.0, 0.0], [1.0, 2.0], [5.0, 7.0]]), torch.tensor([3, 2]))
    tensor([[0., 0.],
            [5., 2.],
            [1., 0.]])
    """
    after = torch.cat([elapsed[1:], elapsed[:1]])
    if lengths is not None:
        last = torch.arange(elapsed.shape[0], device=elapsed.device)[:, None] == lengths - 1
        after = torch.where(last, elapsed[0], after)
    return backwards(after, lengths)


def resets_backwards(resets: Tensor, lengths: Tensor | None) -> Tensor:
    """The resets in the order of a backward run, in which the reset before step t comes after step t."""
    after = torch.cat([resets[1:], torch.zeros_like(resets[:1])])
    if lengths is not None:
        after = after & within(lengths - 1, resets.shape[0])
    return backwards(after, lengths)

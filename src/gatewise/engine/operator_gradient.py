"""The gradient of an operator that runs a cell: by the operator's own backward pass, or by the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gatewise.engine.recording import batched, transformed

Gradients = Sequence[Tensor | None]
Arguments = tuple[Any, ...]  # inputs, parameters, state, lengths, resets, factors, settings


def keep_for_gradient(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    """Keeps an operator's arguments but the last, and its results after the output and the final states."""
    own, parameters, state, lengths, resets, factors, *ctx.settings, _ = inputs
    ctx.sizes = [len(parameters), len(state), len(factors)]
    ctx.given = [one is not None for one in (lengths, resets)]
    given = [one for one in (lengths, resets) if one is not None]
    ctx.save_for_backward(own, *parameters, *state, *factors, *given, *output[1 + len(state) :])


def gradient_of(
    by_operator: Callable[[Arguments, Gradients, list[Tensor], list[int]], Sequence[Tensor]],
    by_reference: Callable[[Arguments, Gradients], Sequence[Tensor | None]],
) -> Callable[[Any, Gradients], tuple[Any, ...]]:
    """The gradient for `register_autograd`, after `keep_for_gradient`.

    by_operator: of the tensors whose number in `wanted`, the last argument, is 1; reads the kept results
    by_reference: of all tensors, by operations that have a gradient themselves
    """

    def gradient(ctx: Any, gradients: Gradients) -> tuple[Any, ...]:
        parameters, states, factors = ctx.sizes
        saved = iter(ctx.saved_tensors)
        inputs = next(saved)
        weights, state = [next(saved) for _ in range(parameters)], [next(saved) for _ in range(states)]
        masks = [next(saved) for _ in range(factors)]
        lengths, resets = (next(saved) if there else None for there in ctx.given)
        kept, tensors = list(saved), [inputs, *weights, *state]
        arguments = (inputs, weights, state, lengths, resets, masks, *ctx.settings)
        if torch.is_grad_enabled() or transformed(gradients) or batched(gradients):
            by = by_reference(arguments, gradients)
        else:
            wanted = [int(one.requires_grad) for one in tensors]
            found = iter(by_operator(arguments, gradients, kept, wanted))
            by = [next(found) if want else None for want in wanted]
        lists = by[1 : 1 + parameters], by[1 + parameters :]
        return by[0], *lists, None, None, [None] * factors, *[None] * (len(ctx.settings) + 1)

    return gradient


def by_backward(operator: Callable[..., Any]) -> Callable[..., Sequence[Tensor]]:
    """The gradient by a backward operator with the arguments of `requested_gradients`, for `gradient_of`."""

    def gradient(
        arguments: Arguments, gradients: Gradients, kept: list[Tensor], wanted: list[int]
    ) -> Sequence[Tensor]:
        found: list[Tensor] = operator(list(gradients), wanted, kept, *arguments)
        return found

    return gradient


def requested_gradients(
    gradients: Gradients, wanted: Sequence[int], history: Sequence[Tensor], inputs: Tensor,
    parameters: Sequence[Tensor], state: Sequence[Tensor], *rest: Any,
) -> list[Tensor]:  # fmt: skip
    """Memory for the results of a backward operator, for `register_fake`."""
    tensors = [inputs, *parameters, *state]
    return [one.new_empty(one.shape) for one, want in zip(tensors, wanted, strict=True) if want]


def by_autograd(
    tensors: Sequence[Tensor], pairs: Sequence[tuple[Tensor, Tensor | None]]
) -> list[Tensor | None]:
    """The gradient of each tensor through results of a graph, to any order.

    pairs: each result, and the gradient with respect to it
    """
    outputs = [(one, by) for one, by in pairs if by is not None and one.requires_grad]
    wanted = [one for one in tensors if one.requires_grad]
    found = iter(
        torch.autograd.grad(
            [one for one, _ in outputs], wanted, [by for _, by in outputs],
            create_graph=torch.is_grad_enabled(), allow_unused=True,
        )
    )  # fmt: skip
    return [next(found) if one.requires_grad else None for one in tensors]

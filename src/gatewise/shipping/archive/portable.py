"""A backend whose layers are operations of PyTorch alone, with any number of steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan

from gatewise.engine.cudnn import WEIGHTS, operator_of
from gatewise.engine.request import LayerResult, Request
from gatewise.engine.sequences import backwards, in_given_order, in_running_order, within
from gatewise.engine.step import CellStep
from gatewise.errors import GatewiseError
from gatewise.shipping.obstacles import layer_obstacle

STANDARD = "gatewise::standard_layer"  # replaced by the operator of PyTorch that it names


class Portable:
    """Runs LSTM, GRU and RNN by the operators of PyTorch, and every other cell by `scan`."""

    name = "portable"

    def refusal(self, request: Request) -> str | None:
        return (
            "it runs over a lattice; export to ONNX" if request.cell.of_lattice else layer_obstacle(request)
        )

    def run(self, request: Request) -> LayerResult:
        reason = self.refusal(request)
        if reason:
            raise GatewiseError(f"a layer of {request.cell.__name__} can't be exported: {reason}")
        operator = operator_of(request.cell)
        projected = "projection" in request.parameters and operator is not torch.lstm
        if operator is None or projected or request.resets is not None or request.zoneout:
            return _by_scan(request)
        return _by_operator(request.dense(), operator.__name__)


def _by_operator(request: Request, operator: str) -> LayerResult:
    inputs, lengths, state = request.inputs, request.lengths, request.state
    inside = None if lengths is None else within(lengths, inputs.shape[0])[:, :, None]
    if inside is not None:
        inputs = inputs.masked_fill(~inside, 0.0)
    inputs = backwards(inputs, lengths) if request.reverse else inputs
    weights = [request.parameters[name] for name in WEIGHTS if name in request.parameters]
    states = [state[name].unsqueeze(0) for name in request.cell.state]
    has_biases = "bias_ih" in request.parameters
    output, *final = torch.ops.gatewise.standard_layer(
        inputs, states, weights, operator, has_biases, lengths is not None
    )
    names, last = request.cell.state, [one.squeeze(0) for one in final]
    if inside is not None:
        assert lengths is not None
        place = (lengths - 1).clamp(min=0)[None, :, None].expand(1, -1, output.shape[-1])
        last[0] = torch.where(inside[0], output.gather(0, place)[0], state[names[0]])
        output = output.masked_fill(~inside, 0.0)
    output = backwards(output, lengths) if request.reverse else output
    return LayerResult(output, dict(zip(names, last, strict=True)))


@torch.library.custom_op(STANDARD, mutates_args=())
def standard_layer(
    inputs: Tensor, states: list[Tensor], weights: list[Tensor], operator: str, has_biases: bool, ended: bool
) -> list[Tensor]:
    """One layer of an operator of PyTorch: the output and the final states.

    ended: whether sequences have lengths, so that final states beside the first are not those of their ends
    """
    run = getattr(torch, operator)
    given: Any = states[0] if len(states) == 1 else states
    return list(run(inputs, given, weights, has_biases, 1, 0.0, False, False, False))


@standard_layer.register_fake
def _standard_layer_fake(
    inputs: Tensor, states: Sequence[Tensor], weights: Any, operator: str, has_biases: bool, ended: bool
) -> list[Tensor]:
    output = inputs.new_empty(*inputs.shape[:2], states[0].shape[-1])
    return [output, *(one.new_empty(one.shape) for one in states)]


def _by_scan(request: Request) -> LayerResult:
    """The equations of the reference, in a loop that is part of the graph."""
    running, inside = in_running_order(request)
    cell, step = request.cell, CellStep(replace(running, lengths=None))
    products = step.of_inputs(running.inputs)
    given = {name: one for name, one in (("inside", inside), ("resets", running.resets)) if one is not None}
    names, places = list(cell.state), [*products, *given]

    def body(states: tuple[Tensor, ...], values: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
        seen = dict(zip(places, values, strict=True))
        before = dict(zip(names, states, strict=True))
        if "resets" in seen:
            before = {
                name: one.masked_fill(_beside(seen["resets"], one), 0.0) for name, one in before.items()
            }
        lines = step({key: seen[key] for key in products}, before)
        after = {}
        for name in names:
            kept = request.zoneout.get(name, 0.0)
            new = kept * before[name] + (1 - kept) * lines[name] if kept else lines[name]
            own = None if inside is None else _beside(seen["inside"], new)
            after[name] = (new if own is None else torch.where(own, new, before[name])).clone()
        return tuple(after.values()), after[names[0]].clone()

    # Operands of a loop may not be views of each other.
    states = tuple(request.state[name].clone() for name in names)
    whole = tuple(one.clone() for one in (*products.values(), *given.values()))
    final, output = scan(body, states, whole)
    return in_given_order(request, {names[0]: output}, dict(zip(names, final, strict=True)), inside)


def _beside(rows: Tensor, values: Tensor) -> Tensor:
    """[B] for a state [B, H] or [B, H, K]."""
    return rows.view(-1, *[1] * (values.dim() - 1))

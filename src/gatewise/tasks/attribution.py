"""Attribution of one output of a network to its inputs, and attention weights over the steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gatewise.insight.attribution import attribute
from gatewise.modules.pooling import Pooling
from gatewise.report.attribution import accurate_attribution, in_data_units, repeat_example
from gatewise.report.example import ExampleAttribution, Strip, Track


def attention_tracks(network: nn.Module, run: Callable[[], Any]) -> tuple[Track, ...]:
    """The attention weight of each step in each network; empty unless it pools by attention.

    run: runs the network on the example
    """
    poolings = [
        module for module in network.modules() if isinstance(module, Pooling) and module.score is not None
    ]
    if not poolings:
        return ()
    weights: list[Tensor] = []
    handles = [
        pooling.register_forward_hook(lambda module, inputs, _: weights.append(module.weights(*inputs)[0]))
        for pooling in poolings
    ]
    try:
        with torch.no_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()
    names = [f"network {number + 1}" for number in range(len(weights))] if len(weights) > 1 else ["weight"]
    return (Track("attention", strip=Strip(torch.stack(weights).numpy(), tuple(names), signed=False)),)


def explain_output(
    output: Callable[[Any], Tensor],
    batch: Any,
    name: str,
    baseline: str,
    show: Callable[[np.ndarray], tuple[np.ndarray, Track]],
    mean: float = 0.0,
    unit: float = 1.0,
) -> ExampleAttribution:
    """Attributes an output to the first field of a batch of one example.

    Args:
        output: computes the output [B] of a batch
        batch: one example
        name: of the output
        baseline: describes the baseline of the attribution
        show: maps attributions of the field, without the batch axis, to those of each step [T] and a track
        mean, unit: the output in the units of the data is `mean + unit * output`
    """
    inputs = batch._fields[0]

    def computed(values: Tensor) -> Tensor:
        return output(repeat_example(batch, len(values))._replace(**{inputs: values}))

    attribution = accurate_attribution(lambda points: attribute(computed, batch[0], steps=points))
    steps, track = show(unit * attribution.values[0].double().numpy())
    return in_data_units(attribution, name, baseline, steps, (track,), mean, unit)

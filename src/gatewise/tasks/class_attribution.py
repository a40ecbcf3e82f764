"""Attribution of the logit of a predicted class, and attention weights over the steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.insight.attribution import attribute
from gatewise.modules.classifier import Classifier
from gatewise.modules.pooling import Pooling
from gatewise.report.attribution import accurate_attribution, in_data_units, repeat_example
from gatewise.report.example import ExampleAttribution, Strip, Track


def attention_tracks(network: Classifier, batch: Any) -> tuple[Track, ...]:
    """The attention weight of each step in each network; empty unless the classifier pools by attention."""
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
            network.logits(batch)
    finally:
        for handle in handles:
            handle.remove()
    names = [f"network {number + 1}" for number in range(len(weights))] if len(weights) > 1 else ["weight"]
    return (Track("attention", strip=Strip(torch.stack(weights).numpy(), tuple(names), signed=False)),)


def explain_class(
    network: Classifier,
    batch: Any,
    classes: Sequence[str],
    baseline: str,
    show: Callable[[np.ndarray], tuple[np.ndarray, Track]],
) -> ExampleAttribution:
    """Attributes the logit of the predicted class to the first field of a batch of one example.

    Args:
        network: a classifier
        batch: one example
        classes: the names of the classes
        baseline: describes the baseline of the attribution
        show: maps attributions of the field, without the batch axis, to those of each step [T] and a track
    """
    with torch.no_grad():
        predicted = int(network.logits(batch)[0].argmax())
    inputs, differentiable = batch._fields[0], network.differentiable

    def logit(values: Tensor) -> Tensor:
        rows = repeat_example(batch, len(values))._replace(**{inputs: values})
        return differentiable.logits(rows)[:, predicted]

    attribution = accurate_attribution(lambda points: attribute(logit, batch[0], steps=points))
    steps, track = show(attribution.values[0].double().numpy())
    part = "" if differentiable is network else " in the recurrent layers"
    explained = f"the logit of class {classes[predicted]}{part}"
    return in_data_units(attribution, explained, baseline, steps, (track,))

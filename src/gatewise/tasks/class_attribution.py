"""Which inputs a predicted class comes from: attribution of its logit, and attention weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.insight.attribution import attribute
from gatewise.modules.pooling import Pooling
from gatewise.report.attribution import accurate_attribution, in_data_units, repeat_example
from gatewise.report.example import ExampleAttribution, Strip, Track


def attention_tracks(network: Any, batch: Any) -> tuple[Track, ...]:
    """The weight of each step for a classifier that pools by attention; nothing for any other."""
    poolings = [one for one in network.modules() if isinstance(one, Pooling) and one.score is not None]
    if not poolings:
        return ()
    seen: list[Tensor] = []
    (pooling,) = poolings
    handle = pooling.register_forward_hook(lambda one, given, result: seen.append(one.weights(*given)))
    try:
        with torch.no_grad():
            network.logits(batch)
    finally:
        handle.remove()
    return (Track("attention", strip=Strip(seen[0].numpy(), ("weight",), signed=False)),)


def explain_class(
    network: Any, batch: Any, classes: Sequence[str], baseline: str,
    show: Callable[[np.ndarray], tuple[np.ndarray, Track]],
) -> ExampleAttribution:  # fmt: skip
    """Attributes the logit of the predicted class of a batch's one example to the batch's first field.

    show: attributions in that field's shape, without the batch -> those of each step [T], and their track
    """
    with torch.no_grad():
        best = int(network.logits(batch)[0].argmax())
    inputs = batch._fields[0]

    def logit(values: Tensor) -> Tensor:
        rows = repeat_example(batch, len(values))._replace(**{inputs: values})
        return network.logits(rows)[:, best]

    found = accurate_attribution(lambda points: attribute(logit, batch[0], steps=points))
    steps, track = show(found.values[0].double().numpy())
    return in_data_units(found, f"the logit of class {classes[best]}", baseline, steps, (track,))

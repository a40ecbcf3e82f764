"""Why a step has its label: by the logit of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gatewise.insight.attribution import attribute, attribute_through
from gatewise.report.attribution import (
    accurate_attribution,
    channel_track,
    in_data_units,
    repeat_example,
    symbol_track,
)
from gatewise.report.example import ExampleAttribution, Track
from gatewise.tasks.label.network import Labeller, LabelNetwork


def explain_label(
    network: Labeller, batch: Any, labels: tuple[str, ...], given: tuple[Track, ...], step: int | None
) -> ExampleAttribution:
    """The logit of the label that a step is given, by the channels of all steps or by their tokens."""
    assert isinstance(network, LabelNetwork)
    count = int(batch.lengths[0])
    step = count - 1 if step is None else min(step, count - 1)
    with torch.no_grad():
        best = int(network(batch)[0, step].argmax())

    def logit(rows: Tensor) -> Tensor:
        own = {name: getattr(batch, name).expand(len(rows), -1) for name in ("words", "spellings")}
        lengths = batch.lengths.expand(len(rows))
        return network(batch._replace(**own, lengths=lengths))[:, step, best]

    def of_values(values: Tensor) -> Tensor:
        return network(repeat_example(batch, len(values))._replace(values=values))[:, step, best]

    reader, what = network.reader, f"the logit of the label {labels[best]} at step {step}"
    if reader is None:
        found = accurate_attribution(lambda points: attribute(of_values, batch.values, steps=points))
        values = found.values[0].double().numpy()
        names = [track.name for track in given]
        names += [f"channel {place}" for place in range(len(names), values.shape[1])]
        track = channel_track(values, names)
        return in_data_units(found, what, "where every channel is at its mean", values.sum(1), (track,))
    found = accurate_attribution(lambda points: attribute_through(reader, logit, batch.words, steps=points))
    steps = found.values[0].double().numpy()
    return in_data_units(
        found, what, "where every token's vector is zero", steps, (symbol_track(given[0], steps),)
    )

"""Inspection of a sequence of the test set in a labeller, and the attribution of a label."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.data.labels.labelled import LabelledSteps
from gatewise.data.labels.labelled_table import TablePreprocessing
from gatewise.data.labels.token_steps import NO_LABEL, TokenSteps
from gatewise.insight.attribution import attribute, attribute_through
from gatewise.modules.network import Network
from gatewise.report.attribution import (
    accurate_attribution,
    channel_track,
    in_data_units,
    repeat_example,
    symbol_track,
)
from gatewise.report.example import Example, ExampleAttribution, Track, channels, require_example
from gatewise.tasks.label.network import ChannelReader, Labeller, LabelNetwork


def inspect_sequence(network: Network, data: LabelledSteps, number: int) -> Example:
    """A sequence of the test set, with its predicted and true labels; 0 is the first.

    Raises: `GatewiseError` if there is no sequence of that number.
    """
    require_example(number, len(data.test), "sequences in the test set")
    batch, steps = data.test.__getitems__([number]), data.test.slice_of(number)
    assert isinstance(network, Labeller)
    with torch.inference_mode():
        predicted = network(batch)[0].argmax(-1).numpy()
    true = data.test.labels[steps]
    inputs: tuple[Track, ...]
    if isinstance(data.test, TokenSteps):
        inputs = (Track("token", symbols=tuple(data.test.tokens[steps]), layer="recurrent"),)
    else:
        assert isinstance(data.preprocessing, TablePreprocessing)
        inputs = channels(data.preprocessing.columns.channels, data.test.filled(steps))
    last = batch.labels.clone()
    last[:, :-1] = NO_LABEL
    return Example(
        batch,
        f"sequence {number} of the test set, from {data.test.place(steps.start)} on",
        (*inputs, _label_track("predicted", predicted, data), _label_track("true", true, data)),
        f"{(predicted == true).sum()} of {len(true)} labels are correct",
        last=partial(network.loss, batch._replace(labels=last)),
        attribute=partial(explain_label, network, batch, data.labels, inputs),
    )


def _label_track(name: str, labels: np.ndarray, data: LabelledSteps) -> Track:
    return Track(name, symbols=tuple(data.labels[label] for label in labels.tolist()), layer="recurrent")


def explain_label(
    network: Labeller, batch: Any, labels: tuple[str, ...], inputs: tuple[Track, ...], step: int | None
) -> ExampleAttribution:
    """Attributes the logit of a step's predicted label to the channels or the tokens of all steps."""
    assert isinstance(network, LabelNetwork)
    count = int(batch.lengths[0])
    step = count - 1 if step is None else min(step, count - 1)
    with torch.no_grad():
        predicted = int(network(batch)[0, step].argmax())

    def logit(rows: Tensor) -> Tensor:
        token_inputs = {name: getattr(batch, name).expand(len(rows), -1) for name in ("words", "spellings")}
        lengths = batch.lengths.expand(len(rows))
        return network(batch._replace(**token_inputs, lengths=lengths))[:, step, predicted]

    def of_values(values: Tensor) -> Tensor:
        return network(repeat_example(batch, len(values))._replace(values=values))[:, step, predicted]

    reader, output = network.reader, f"the logit of the label {labels[predicted]} at step {step}"
    if isinstance(reader, ChannelReader):
        attribution = accurate_attribution(lambda points: attribute(of_values, batch.values, steps=points))
        values = attribution.values[0].double().numpy()
        names = [track.name for track in inputs]
        names += [f"channel {channel}" for channel in range(len(names), values.shape[1])]
        track = channel_track(values, names)
        return in_data_units(
            attribution, output, "where every channel is at its mean", values.sum(1), (track,)
        )
    attribution = accurate_attribution(
        lambda points: attribute_through(reader, logit, batch.words, steps=points)
    )
    steps = attribution.values[0].double().numpy()
    return in_data_units(
        attribution, output, "where every token's vector is zero", steps, (symbol_track(inputs[0], steps),)
    )

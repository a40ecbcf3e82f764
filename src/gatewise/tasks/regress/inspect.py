"""Inspection of a sequence of the test set in a network that predicts numbers."""

from __future__ import annotations

from functools import partial

import torch

from gatewise.report.attribution import channel_track
from gatewise.report.example import Example, channels, require_example
from gatewise.tasks.attribution import attention_tracks, explain_output
from gatewise.tasks.regress.data import RegressData
from gatewise.tasks.regress.regressor import Regressor

TARGETS_SHOWN = 4


def inspect_sequence(network: Regressor, data: RegressData, number: int) -> Example:
    """A sequence of the test set, with its channels in the units of the data; 0 is the first.

    The attribution is that of the first target.

    Raises: `GatewiseError` if there is no sequence of that number.
    """
    require_example(number, len(data.test), "sequences in the test set")
    batch, table, preprocessing = data.test.__getitems__([number]), data.test.table, data.preprocessing
    target, scale = preprocessing.targets[0], preprocessing.target_scales[0]
    explain = partial(
        explain_output,
        lambda rows: network.outputs(rows)[:, 0],
        batch,
        f"the prediction of {target}",
        "where every channel is at its mean",
        lambda values: (values.sum(1), channel_track(values, table.channels)),
        scale.mean,
        scale.deviation,
    )
    return Example(
        batch,
        f"sequence {table.ids[data.test.numbers[number]]}",
        (
            *channels(table.channels, data.test.unscaled(number)),
            *attention_tracks(network, partial(network.outputs, batch)),
        ),
        _describe(network, data, number),
        attribute=lambda _: explain(),
    )


def _describe(network: Regressor, data: RegressData, number: int) -> str:
    """Describes the predicted and the true targets of a sequence."""
    assert data.test.table.targets is not None
    with torch.inference_mode():
        scaled = network.outputs(data.test.__getitems__([number]))
    predicted = data.preprocessing.in_data_units(scaled.double().numpy())[0]
    truth = data.test.table.targets[data.test.numbers[number]]
    texts = [
        f"{name} {value:.6g}; true: {true:.6g}"
        for name, value, true in zip(data.preprocessing.targets, predicted, truth, strict=True)
    ]
    more = f"; {len(texts) - TARGETS_SHOWN} more targets" if len(texts) > TARGETS_SHOWN else ""
    return "; ".join(texts[:TARGETS_SHOWN]) + more

"""Inspection of a sequence of the test set in a network that predicts numbers."""

from __future__ import annotations

import torch

from gatewise.data.sequences.targets import TargetBatch
from gatewise.report.example import Example, ExampleAttribution
from gatewise.tasks.attribution import explain_output
from gatewise.tasks.regress.data import RegressData
from gatewise.tasks.regress.regressor import Regressor
from gatewise.tasks.sequence_inspection import BASELINE, Show, inspect_sequence

TARGETS_SHOWN = 4


def inspect_targets(network: Regressor, data: RegressData, number: int) -> Example:
    """A sequence of the test set, with its channels in the units of the data; 0 is the first.

    The attribution is that of the first target.

    Raises: `GatewiseError` if there is no sequence of that number.
    """
    target, scale = data.preprocessing.targets[0], data.preprocessing.target_scales[0]

    def explain(batch: TargetBatch, show: Show) -> ExampleAttribution:
        name = f"the prediction of {target}"
        return explain_output(
            lambda rows: network.outputs(rows)[:, 0], batch, name, BASELINE, show, scale.mean, scale.deviation
        )

    return inspect_sequence(
        network,
        network.outputs,
        data.test,
        number,
        describe=lambda batch: _describe(network, data, batch, number),
        explain=explain,
    )


def _describe(network: Regressor, data: RegressData, batch: TargetBatch, number: int) -> str:
    """Describes the predicted and the true targets of a sequence."""
    assert data.test.table.targets is not None
    with torch.inference_mode():
        scaled = network.outputs(batch)
    predicted = data.preprocessing.in_data_units(scaled.double().numpy())[0]
    truth = data.test.table.targets[data.test.numbers[number]]
    texts = [
        f"{name} {value:.6g}; true: {true:.6g}"
        for name, value, true in zip(data.preprocessing.targets, predicted, truth, strict=True)
    ]
    more = f"; {len(texts) - TARGETS_SHOWN} more targets" if len(texts) > TARGETS_SHOWN else ""
    return "; ".join(texts[:TARGETS_SHOWN]) + more

"""Inspection of a sequence of the test set in a network that predicts sets of labels."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.data.sequences.targets import TargetBatch
from gatewise.report.example import Example, ExampleAttribution
from gatewise.tasks.attribution import explain_output
from gatewise.tasks.classify_multilabel.classifier import MultilabelClassifier
from gatewise.tasks.classify_multilabel.data import MultilabelData
from gatewise.tasks.sequence_inspection import BASELINE, Show, inspect_sequence

LABELS_SHOWN = 6


def inspect_labels(network: MultilabelClassifier, data: MultilabelData, number: int) -> Example:
    """A sequence of the test set, with its channels in the units of the data; 0 is the first.

    The attribution is that of the logit of the most probable label.

    Raises: `GatewiseError` if there is no sequence of that number.
    """

    def explain(batch: TargetBatch, show: Show) -> ExampleAttribution:
        best = int(_probabilities(network, batch).argmax())
        differentiable = network.differentiable
        part = "" if differentiable is network else " in the recurrent layers"
        name = f"the logit of label {data.classes[best]}{part}"
        return explain_output(lambda rows: differentiable.logits(rows)[:, best], batch, name, BASELINE, show)

    return inspect_sequence(
        network,
        network.logits,
        data.test,
        number,
        describe=lambda batch: _describe(network, batch, data.classes),
        explain=explain,
    )


def _probabilities(network: MultilabelClassifier, batch: TargetBatch) -> Tensor:
    """[L]: the probabilities of a batch of one sequence."""
    with torch.inference_mode():
        return network.logits(batch)[0].sigmoid()


def _describe(network: MultilabelClassifier, batch: TargetBatch, classes: tuple[str, ...]) -> str:
    """Describes the predicted and the true labels of a batch of one sequence."""
    probabilities = _probabilities(network, batch)
    is_predicted = probabilities >= network.thresholds
    order = [number for number in probabilities.argsort(descending=True).tolist() if is_predicted[number]]
    predicted = [f"{classes[number]} (probability {float(probabilities[number]):.1%})" for number in order]
    true = [classes[number] for number in batch.targets[0].nonzero()[:, 0]]
    return f"labels {_listed(predicted)}; true: {_listed(true)}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - LABELS_SHOWN} more" if len(names) > LABELS_SHOWN else ""
    return f"{', '.join(names[:LABELS_SHOWN])}{more}" if names else "none"

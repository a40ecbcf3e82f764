"""Attribution of the logit of a predicted class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from gatewise.modules.classifier import Classifier
from gatewise.report.example import ExampleAttribution, Track
from gatewise.tasks.attribution import explain_output


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
    differentiable = network.differentiable
    part = "" if differentiable is network else " in the recurrent layers"
    name = f"the logit of class {classes[predicted]}{part}"
    return explain_output(lambda rows: differentiable.logits(rows)[:, predicted], batch, name, baseline, show)

"""A step of a classifier of several labels: the probability of each, given the steps so far."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.modules.network import Network
from gatewise.shipping.channels import RawChannels
from gatewise.shipping.description import numbers_of
from gatewise.shipping.encoded import EncodedStepwise, require_causal
from gatewise.tasks.classify_multilabel.data import Preprocessing
from gatewise.tasks.classify_multilabel.network import SequenceMultilabelClassifier


class MultilabelStepwise(EncodedStepwise):
    """`p_t = sigmoid(V pool(h_1 ... h_t) + b)`."""

    def __init__(self, network: SequenceMultilabelClassifier, form: Preprocessing) -> None:
        channels = RawChannels(form.scales, network.inputs, form.fill is not None, torch.float64)
        inputs = numbers_of(form.columns, form.scales, form.fill, form.unit_of_time, "float64")
        thresholds = network.thresholds.expand(len(form.classes)).tolist()
        output = {"kind": "labels", "names": list(form.classes), "thresholds": thresholds}
        example = torch.zeros(1, len(inputs["names"]), dtype=torch.float64)
        super().__init__({"input": inputs, "output": output}, example, network, channels)
        self.labels = network.labels

    def predicted(self, pooled: Tensor) -> Tensor:
        return self.labels(pooled).sigmoid()


def stepwise(network: Network, preprocessing: Preprocessing) -> MultilabelStepwise:
    """A step of a classifier of several labels. Raises: `GatewiseError` if it reads whole sequences."""
    require_causal(network)
    assert isinstance(network, SequenceMultilabelClassifier)
    return MultilabelStepwise(network, preprocessing)

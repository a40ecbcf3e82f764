"""A step of a classifier: the probability of each class, given the steps so far."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.modules.network import Network
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.shipping.channels import RawChannels
from gatewise.shipping.description import classes_of, numbers_of
from gatewise.shipping.encoded import EncodedStepwise, require_causal
from gatewise.shipping.stepwise import LinearStep
from gatewise.tasks.classify.data import Preprocessing


class ClassifyStepwise(EncodedStepwise):
    """`p_t = softmax(V pool(h_1 ... h_t) + b)`."""

    def __init__(self, network: SequenceClassifier, form: Preprocessing) -> None:
        channels = RawChannels(form.scales, network.inputs, form.fill is not None, torch.float64)
        inputs = numbers_of(form.columns, form.scales, form.fill, form.unit_of_time, "float64")
        description = {"input": inputs, "output": classes_of(form.classes)}
        example = torch.zeros(1, len(inputs["names"]), dtype=torch.float64)
        super().__init__(description, example, network, channels)
        self.classes = network.classes

    def predicted(self, pooled: Tensor) -> Tensor:
        return self.classes(pooled).softmax(-1)

    def linear_step(self) -> LinearStep | None:
        linear = self.channels.before(self.classes)
        if linear is None or self.pool.mode not in ("last", "max"):
            return None
        return linear._replace(is_max=self.pool.mode == "max")


def stepwise(network: Network, preprocessing: Preprocessing) -> ClassifyStepwise:
    """A step of a classifier. Raises: `GatewiseError` if it reads whole sequences."""
    require_causal(network)
    assert isinstance(network, SequenceClassifier)
    return ClassifyStepwise(network, preprocessing)

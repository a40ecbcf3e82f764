"""A step of a regressor: the targets, given the steps so far."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.modules.network import Network
from gatewise.shipping.channels import RawChannels
from gatewise.shipping.description import numbers_of, values_of
from gatewise.shipping.encoded import EncodedStepwise, require_causal
from gatewise.tasks.regress.data import Preprocessing
from gatewise.tasks.regress.network import SequenceRegressor


class RegressStepwise(EncodedStepwise):
    """`y_t = mean + deviation * (V pool(h_1 ... h_t) + b)`, in the units of the targets."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: SequenceRegressor, form: Preprocessing) -> None:
        channels = RawChannels(form.scales, network.inputs, form.fill is not None, torch.float64)
        inputs = numbers_of(form.columns, form.scales, form.fill, form.unit_of_time, "float64")
        description = {"input": inputs, "output": values_of(form.targets)}
        example = torch.zeros(1, len(inputs["names"]), dtype=torch.float64)
        super().__init__(description, example, network, channels)
        self.targets = network.targets
        for name in ("mean", "deviation"):
            values = torch.tensor([getattr(one, name) for one in form.target_scales], dtype=torch.float64)
            self.register_buffer(name, values)

    def predicted(self, pooled: Tensor) -> Tensor:
        return self.targets(pooled).double() * self.deviation + self.mean


def stepwise(network: Network, preprocessing: Preprocessing) -> RegressStepwise:
    """A step of a regressor. Raises: `GatewiseError` if it reads whole sequences."""
    require_causal(network)
    assert isinstance(network, SequenceRegressor)
    return RegressStepwise(network, preprocessing)

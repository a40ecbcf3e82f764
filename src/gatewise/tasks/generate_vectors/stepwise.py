"""A step of a model of vectors: the vector expected next, and how surprising this one was."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.shipping.description import numbers_of
from gatewise.shipping.stepwise import Own, RecurrentStepwise
from gatewise.tasks.generate_vectors.data import Preprocessing
from gatewise.tasks.generate_vectors.densities import VectorHead
from gatewise.tasks.generate_vectors.network import SequenceModel

NATS = "nats"  # -ln p of this vector, given those before it


class VectorStepwise(RecurrentStepwise):
    """`E[x_{t+1}]` in the units of the data, and `-ln p(x_t | x_1 .. x_{t-1})` of the scaled vector.

    The states begin after a vector of zeros, from which the network predicts the first one.
    """

    head: VectorHead
    scale: float
    mean: Tensor
    deviation: Tensor

    def __init__(self, network: SequenceModel, form: Preprocessing) -> None:
        inputs = numbers_of(form.columns, form.scales, form.fill, None, "float64")
        inputs = {**inputs, "names": list(form.channels), "missing": None, "binary": list(form.binary)}
        output = {"kind": "values", "names": [*form.channels, NATS]}
        layers, head, scale = network.recurrent, network.head, network.input_scale
        example = torch.zeros(1, len(form.channels), dtype=torch.float64)
        with torch.inference_mode():
            width = sum(head.widths)
            own = {"density": torch.zeros(1, width), "expected": torch.zeros(1, len(form.channels))}
        super().__init__({"input": inputs, "output": output}, example, layers, own)
        self.head, self.scale = head, scale
        for name in ("mean", "deviation"):
            values = torch.tensor([getattr(one, name) for one in form.scales], dtype=torch.float64)
            self.register_buffer(name, values)
        self._begin()

    def prepare(self, x: Tensor, own: Own) -> tuple[Tensor, Tensor | None, Own]:
        scaled = ((x - self.mean) / self.deviation).to(own[0].dtype)
        return scaled * self.scale, None, (own[0], scaled)

    def result(self, output: Tensor, own: Own) -> tuple[Tensor, Own]:
        before, scaled = own
        density = self.head(output)
        nats = self.head.nats(before, scaled).unsqueeze(-1)
        expected = self.head.mean(density).double() * self.deviation + self.mean
        return torch.cat([expected, nats.double()], dim=-1), (density, scaled)

    @torch.no_grad()
    def _begin(self) -> None:
        """Sets the initial states to those after a scaled vector of zeros."""
        zeros = self.mean.unsqueeze(0)
        _, *states = self(zeros, *self.initial_states())
        for name, values in zip(self.state_names, states, strict=True):
            self.set_initial(name, values)


def stepwise(network: Network, preprocessing: Preprocessing) -> VectorStepwise:
    """A step of a model of vectors. Raises: `GatewiseError` if it is a baseline, or learned differences."""
    if not isinstance(network, SequenceModel):
        raise GatewiseError(f"{type(network).__name__} has no recurrent layers, so it can't stream")
    if preprocessing.differences:
        raise GatewiseError(
            f"the model learned the changes of {', '.join(preprocessing.differences)}, which do not stream; "
            "train one on these channels without --differences"
        )
    return VectorStepwise(network, preprocessing)

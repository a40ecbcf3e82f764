"""The distribution of the vector after each of a sequence, from any state to the next."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.shipping.deployed import Deployed, Field
from gatewise.shipping.packed_state import PackedState
from gatewise.tasks.deployed_sequences import ScaledValues
from gatewise.tasks.generate_vectors.data import Preprocessing
from gatewise.tasks.generate_vectors.densities import DensityHead, MixtureHead, VectorHead
from gatewise.tasks.generate_vectors.network import SequenceModel


class DeployedVectors(Deployed):
    """A model of vectors with its state in and out: of whole sequences, or vector by vector.

    Channels are in the units of the data, and scales and correlations of the mixture, too.

    network: a trained model; preprocessing: of its data
    """

    network: SequenceModel
    packed: PackedState
    scaled: ScaledValues

    def __init__(self, network: SequenceModel, preprocessing: Preprocessing) -> None:
        with torch.no_grad():
            _, state = network.eval()(torch.zeros(1, 1, network.channels))
        packed, channels, steps = PackedState(state), preprocessing.channels, ("batch", "time")
        parts, head = _parts(network.head), network.head
        results = []
        for part, places in zip(parts, head.places, strict=True):
            names = ", ".join(channels[place] for place in places)
            if isinstance(part, MixtureHead):
                axes = (*steps, part.components)
                results += [
                    Field("weights", "float32", axes, "of the components of a mixture, which sum to 1"),
                    Field("means", "float64", (*axes, len(places)), f"of {names} in each component"),
                    Field("deviations", "float64", (*axes, len(places)), f"of {names} in each component"),
                ]
                if part.correlated:
                    results.append(Field("correlations", "float32", axes, f"of {names} in each component"))
            else:
                about = f"that {names} are 1"
                results.append(Field("probabilities", "float32", (*steps, len(places)), about))
        about = f"{', '.join(channels)} of each step, in the units of the data, of `differences` the "
        about += "changes since the step before; the vector before the first one is `first`"
        next_state = "`state` for the vectors that follow"
        scaled = ScaledValues(preprocessing.scales)
        super().__init__(
            [
                Field("values", "float64", (*steps, len(channels)), about),
                Field(
                    "state", "float32", ("batch", packed.width), "after those before; zeros at the beginning"
                ),
            ],
            [*results, Field("next_state", "float32", ("batch", packed.width), next_state)],
            {
                "task": "generate-vectors",
                "channels": list(channels),
                "differences": list(preprocessing.differences),
                "first": scaled.mean.tolist(),
            },
        )
        self.network, self.packed, self.scaled = network, packed, scaled

    def forward(self, values: Tensor, state: Tensor) -> tuple[Tensor, ...]:
        """The parameters after each of the vectors [B, T, C], and the state after them."""
        given = ((values - self.scaled.mean) / self.scaled.deviation).float()
        raw, last = self.network(given, self.packed.unpack(state))
        head, results = self.network.head, []
        numbers = raw.split(head.widths, -1)
        for part, places, own in zip(_parts(head), head.places, numbers, strict=True):
            if not isinstance(part, MixtureHead):
                results.append(part.mean(own))
                continue
            mixture, deviation = part.mixture(own), self.scaled.deviation[places]
            results.append(mixture.log_weights.exp())
            results.append(mixture.means.double() * deviation + self.scaled.mean[places])
            results.append(mixture.scales.double() * deviation)
            if mixture.correlation is not None:
                results.append(mixture.correlation)
        return (*results, self.packed.pack(last))

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        rows = sizes["batch"]
        state = torch.rand(rows, self.packed.width, generator=random) / 2
        return {"values": self.scaled.drawn(rows, sizes["time"], random), "state": state}


def _parts(head: VectorHead) -> list[DensityHead]:
    return [cast(DensityHead, one) for one in head.parts]


def deployed(network: Network, preprocessing: Preprocessing) -> DeployedVectors:
    """The deployed form of a model of vectors. Raises: `GatewiseError` if it is a baseline."""
    if not isinstance(network, SequenceModel):
        raise GatewiseError(
            f"this model can't be exported: it is the baseline {type(network).__name__}; give a network"
        )
    return DeployedVectors(network, preprocessing)

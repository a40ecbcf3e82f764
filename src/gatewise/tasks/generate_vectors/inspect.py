"""A sequence of the test set for inspection, with the NLL of each vector."""

from __future__ import annotations

import torch

from gatewise.modules.network import Network
from gatewise.report.example import Example, Line, Track, channels, require_example
from gatewise.tasks.generate_vectors.data import (
    VectorData,
)
from gatewise.tasks.generate_vectors.network import SequenceModel


def inspect_sequence(network: Network, data: VectorData, number: int) -> Example:
    """A sequence of the test set, with the NLL of each vector.

    Raises: `GatewiseError` if there is no sequence of that number.
    """
    require_example(number, len(data.test), "sequences in the test set")
    batch = data.test.__getitems__([number])
    assert isinstance(network, SequenceModel)
    with torch.inference_mode():
        nats = network.nats(batch)[0].double().numpy()
    nll = Track("nats of the next vector", (Line("nats", nats),))
    tracks = (*channels(data.preprocessing.channels, data.preprocessing.whole(batch.values[0].numpy())), nll)
    name = f"sequence {data.test.table.ids[data.test.numbers[number]]}"
    prediction = f"{nats.mean():.3f} nats/step"
    return Example(batch, name, tracks, prediction, last=lambda: network.nats(batch)[0, -1])

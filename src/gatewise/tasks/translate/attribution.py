"""Where a translation comes from: by the symbols of its source."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.data.text.parallel import PairBatch
from gatewise.data.text.symbols import END
from gatewise.insight.attribution import attribute_through
from gatewise.modules.decoders import given
from gatewise.report.attribution import closely, coloured, explained
from gatewise.report.example import Explained, Track
from gatewise.tasks.translate.network import EncoderDecoder


def explain_translate(network: EncoderDecoder, batch: PairBatch, told: str, read: Track) -> Explained:
    """The log-probability of all that is told, by the symbols that are read."""
    numbers = torch.tensor([[*network.translate(batch)[0].numbers, END]])

    def chance(source: Tensor) -> Tensor:
        rows = len(source)
        context = network.encode(source, batch.lengths.expand(rows))
        logits = network.logits(network.decode(given(numbers).expand(rows, -1), context)[0])
        chances = logits.log_softmax(-1).gather(-1, numbers.expand(rows, -1).unsqueeze(-1))
        return chances.sum((1, 2))

    found = closely(
        lambda points: attribute_through(network.source_vectors, chance, batch.source, steps=points)
    )
    values = found.values[0].double().numpy()
    what, baseline = (
        f"ln p of all that is told ({told or 'nothing'})",
        "where every vector that is read is zero",
    )
    return explained(found, what, baseline, values, (coloured(read, values),))

"""The NLL of sequences of vectors, and the expected next vector."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.data.sequences.sequences import Sequences
from gatewise.metrics.details import Details
from gatewise.tasks.generate_vectors.network import NextVector, SequenceModel
from gatewise.tasks.predictions import Predictions

BATCH_SIZE = 32  # sequences


@dataclass(frozen=True)
class VectorPredictions(Predictions[NextVector, Sequences]):
    """The NLL of a split.

    nats, count: the total nats and the number of vectors at each position of a sequence, [T]
    """

    nats: Tensor
    count: Tensor


def score(predictions: VectorPredictions) -> dict[str, float]:
    """The mean NLL of a vector in nats, and of all but the first ones (NaN if there are no others)."""
    total, count = predictions.nats, predictions.count
    return {
        "nats": float(total.sum() / count.sum()),
        "nats_later": float(total[1:].sum() / count[1:].sum()) if len(total) > 1 else float("nan"),
    }


def nats_by_place(network: NextVector, dataset: Sequences) -> tuple[Tensor, Tensor]:
    """The total nats and the number of vectors at each position of a sequence: [T], [T]."""
    longest = int(dataset.sizes.max())
    total, count = torch.zeros(2, longest, dtype=torch.float64)
    with torch.inference_mode():
        for numbers in dataset.sizes.argsort(stable=True).split(BATCH_SIZE):
            batch = dataset.__getitems__(numbers.tolist())
            nats = network.nats(batch).double().sum(0)
            total[: len(nats)] += nats
            count[: len(nats)] += (torch.arange(len(nats)) < batch.lengths.unsqueeze(1)).sum(0)
    return total, count


def nll_by_place(predictions: VectorPredictions) -> Details:
    """A table of the mean nats of a vector after 0, 1, 2 to 3, ... steps."""
    total, count = predictions.nats, predictions.count
    rows, first = [], 0
    while first < len(total):
        last = min(max(2 * first, 1), len(total))
        name = str(first) if last == first + 1 else f"{first} to {last - 1}"
        number = int(count[first:last].sum())
        rows.append((name, str(number), f"{float(total[first:last].sum()) / number:.3f}"))
        first = last
    title = "NLL by the number of preceding steps, on the test set"
    return Details(title, ("before", "steps", "nats"), tuple(rows))


def next_vectors(network: SequenceModel, dataset: Sequences) -> Tensor:
    """The expected vector after the end of each sequence, [N, C]."""
    order = dataset.sizes.argsort(stable=True)
    with torch.inference_mode():
        batches = [dataset.__getitems__(numbers.tolist()) for numbers in order.split(BATCH_SIZE)]
        return torch.cat([network.expected(batch) for batch in batches])[order.argsort()]

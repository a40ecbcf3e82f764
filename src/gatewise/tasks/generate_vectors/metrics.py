"""How well models foretell the vectors of sequences, and what they expect next."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.data.sequences.sequences import Sequences
from gatewise.tasks.generate_vectors.network import NextVector, SequenceModel

AT_ONCE = 32  # sequences


def score(network: NextVector, dataset: Sequences) -> dict[str, float]:
    """The mean nats of a vector, and of all but the first ones (NaN where there are no others)."""
    total, count = nats_by_place(network, dataset)
    return {
        "nats": float(total.sum() / count.sum()),
        "nats_later": float(total[1:].sum() / count[1:].sum()) if len(total) > 1 else float("nan"),
    }


def nats_by_place(network: NextVector, dataset: Sequences) -> tuple[Tensor, Tensor]:
    """For each place in a sequence, the nats of all vectors there, and how many they are: [T], [T]."""
    longest = int(dataset.sizes.max())
    total, count = torch.zeros(2, longest, dtype=torch.float64)
    with torch.inference_mode():
        for numbers in dataset.sizes.argsort(stable=True).split(AT_ONCE):
            batch = dataset.__getitems__(numbers.tolist())
            nats = network.nats(batch).double().sum(0)
            total[: len(nats)] += nats
            count[: len(nats)] += (torch.arange(len(nats)) < batch.lengths.unsqueeze(1)).sum(0)
    return total, count


def told_by_place(network: NextVector, dataset: Sequences) -> list[tuple[str, int, float]]:
    """The mean nats after 0, 1, 2 to 3, 4 to 7, ... steps: what was read, how many vectors, nats a vector."""
    total, count = nats_by_place(network, dataset)
    rows, first = [], 0
    while first < len(total):
        last = min(max(2 * first, 1), len(total))
        name = str(first) if last == first + 1 else f"{first} to {last - 1}"
        number = int(count[first:last].sum())
        rows.append((name, number, float(total[first:last].sum()) / number))
        first = last
    return rows


def next_vectors(network: SequenceModel, dataset: Sequences) -> Tensor:
    """What is expected after the end of each sequence, [N, C]."""
    order = dataset.sizes.argsort(stable=True)
    with torch.inference_mode():
        batches = [dataset.__getitems__(numbers.tolist()) for numbers in order.split(AT_ONCE)]
        return torch.cat([network.expected(batch) for batch in batches])[order.argsort()]

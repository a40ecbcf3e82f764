"""Ablation of a trained model on data of its task."""

from __future__ import annotations

from collections.abc import Sized
from itertools import islice
from typing import Any

import polars as pl
import torch
from torch import Tensor

from gatewise.data.text.streams import TextStreams
from gatewise.insight.ablation import ablate_gates, ablate_units
from gatewise.modules.network import Network
from gatewise.training.batches import loader
from gatewise.training.runner import ProgressCallback

ROWS, GATE_BATCHES, UNIT_BATCHES = 32, 8, 1  # each of many units is ablated on a single batch
STREAM = 512  # symbols of a stream, at least


def ablate(network: Network, dataset: Sized, units: bool, callback: ProgressCallback) -> pl.DataFrame:
    """The loss of the first batches with each gate clamped, or each unit constant, as a table.

    network: trained; dataset: the data; units: ablate units, not gates; callback: receives the progress

    Raises: `GatewiseError` if the network has no recurrent layer, or none that can be ablated in this way.
    """
    count = UNIT_BATCHES if units else GATE_BATCHES
    batches = list(islice(loader(dataset, _rows(dataset), 0, 1, False, 0), count))
    operation, name = (ablate_units, "units") if units else (ablate_gates, "gates")
    callback.begin(name)
    return operation(network.eval(), lambda: mean_loss(network, batches), callback.progress)


def mean_loss(network: Network, batches: list[Any]) -> Tensor:
    """The mean loss over the terms of all batches."""
    weights = torch.tensor([float(network.weight(batch)) for batch in batches])
    losses = torch.stack([network.loss(batch) for batch in batches])
    return (losses * weights.to(losses)).sum() / weights.sum()


def _rows(dataset: Sized) -> int:
    """The rows of a batch; a short text is cut into fewer streams."""
    return max(1, min(ROWS, len(dataset.text) // STREAM)) if isinstance(dataset, TextStreams) else ROWS

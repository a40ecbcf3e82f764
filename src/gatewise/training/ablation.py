"""Ablation of a trained model on the data of its task."""

from __future__ import annotations

from itertools import islice
from typing import Any

import polars as pl
import torch
from torch import Tensor

from gatewise.data.text.streams import TextStreams
from gatewise.insight.ablation import gate_surgery, unit_surgery
from gatewise.modules.network import Network
from gatewise.training.batches import loader
from gatewise.training.runner import ProgressCallback

ROWS, GATE_BATCHES, UNIT_BATCHES = 32, 8, 1  # units are many: each is silenced on one batch
STRETCH = 512  # symbols of a stream, at least


def ablate(network: Network, part: Any, units: bool, callback: ProgressCallback) -> pl.DataFrame:
    """What the loss of the first batches becomes when each gate is held, or each unit is silenced."""
    count = UNIT_BATCHES if units else GATE_BATCHES
    batches = list(islice(loader(part, _rows(part), 0, 1, False, 0), count))
    operation, what = (unit_surgery, "units") if units else (gate_surgery, "gates")
    callback.begin(what)
    return operation(network.eval(), lambda: mean_loss(network, batches), callback.progress)


def mean_loss(network: Network, batches: list[Any]) -> Tensor:
    """The mean over the terms of all batches."""
    weights = torch.tensor([float(network.weight(batch)) for batch in batches])
    losses = torch.stack([network.loss(batch) for batch in batches])
    return (losses * weights.to(losses)).sum() / weights.sum()


def _rows(part: Any) -> int:
    """Of a batch; of a short text fewer streams run side by side."""
    return max(1, min(ROWS, len(part.text) // STRETCH)) if isinstance(part, TextStreams) else ROWS

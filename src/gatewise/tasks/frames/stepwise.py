"""A step of a classifier of clips: the probability of each class, given the frames so far."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.errors import GatewiseError
from gatewise.modules.convolution import Convolution
from gatewise.modules.network import Network
from gatewise.shipping.description import classes_of
from gatewise.shipping.encoded import refuse_bidirectional
from gatewise.shipping.running_pool import RunningPool
from gatewise.shipping.stepwise import Own, RecurrentStepwise
from gatewise.tasks.frames.data import Preprocessing
from gatewise.tasks.frames.network import FrameClassifier


class FrameStepwise(RecurrentStepwise):
    """`p_t = softmax(W pool(h_1 ... h_t) + b)`, from the pixels of a frame, [B, H, W, C]."""

    pool: RunningPool
    convolution: Convolution
    mean: Tensor
    deviation: Tensor
    size: Tensor

    def __init__(self, network: FrameClassifier, form: Preprocessing) -> None:
        refuse_bidirectional(network.recurrent)
        shape = (*form.size, form.form.channels)
        given = {"kind": "frame", "shape": list(shape), "dtype": "float32", "stride": form.frame_stride}
        pool = RunningPool(network.pooling)
        super().__init__(
            {"input": given, "output": classes_of(form.classes)},
            torch.zeros(1, *shape),
            network.recurrent,
            pool.initial(network.readout.in_features),
        )
        self.pool, self.readout = pool, network.readout
        self.convolution, self.project = network.encoder.convolution, network.encoder.project
        self.register_buffer("mean", torch.tensor(form.form.mean, dtype=torch.float32))
        self.register_buffer("deviation", torch.tensor(form.form.deviation, dtype=torch.float32))
        self.register_buffer("size", torch.tensor([form.size]))

    def prepare(self, x: Tensor, own: Own) -> tuple[Tensor, Tensor | None, Own]:
        scaled = (x - self.mean) / self.deviation
        maps, _ = self.convolution(scaled, self.size.expand(len(x), 2))
        return self.project(maps.flatten(1)).relu(), None, own

    def result(self, output: Tensor, own: Own) -> tuple[Tensor, Own]:
        pooled, own = self.pool(output, own)
        return self.readout(pooled).softmax(-1), own


def stepwise(network: Network, preprocessing: Preprocessing) -> FrameStepwise:
    """A step of a classifier of clips. Raises: `GatewiseError` if it reads whole clips."""
    if not isinstance(network, FrameClassifier):
        raise GatewiseError(f"{type(network).__name__} has no recurrent layers, so it can't stream")
    return FrameStepwise(network, preprocessing)

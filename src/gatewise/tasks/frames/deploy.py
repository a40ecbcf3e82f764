"""Class probabilities from the pixels of clips."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from gatewise.data.images.clips import ClipBatch
from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.shipping.deployed import Deployed, Field, valid_steps
from gatewise.tasks.deployed_sequences import LENGTHS, drawn_lengths
from gatewise.tasks.frames.data import Preprocessing
from gatewise.tasks.frames.network import FrameClassifier


class DeployedFrames(Deployed):
    """The probability of each class of clips [B, T, H, W, C] of pixels.

    network: a trained classifier of clips; preprocessing: of its data
    """

    network: FrameClassifier
    mean: Tensor
    deviation: Tensor

    def __init__(self, network: FrameClassifier, preprocessing: Preprocessing) -> None:
        form, classes = preprocessing.form, preprocessing.classes
        shape = (*preprocessing.size, form.channels)
        about = (
            "the pixels of clips, 0 to 255 in images: height, width and channels, grey or red, green, blue"
        )
        stride = preprocessing.frame_stride
        super().__init__(
            [
                Field("frames", "float32", ("batch", "time", *shape), about),
                replace(LENGTHS, about=f"the frames of each clip, at least 1; every {stride}. frame is read"),
            ],
            [
                Field(
                    "probabilities",
                    "float32",
                    ("batch", len(classes)),
                    "the probability of each class, in the order of `classes`",
                )
            ],
            {"task": "frames", "classes": list(classes), "frame_stride": stride},
        )
        self.network = network.eval()
        self.register_buffer("mean", torch.tensor(form.mean, dtype=torch.float32))
        self.register_buffer("deviation", torch.tensor(form.deviation, dtype=torch.float32))

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor]:
        """The probabilities [B, K]."""
        valid = valid_steps(frames, lengths)[:, :, :, None, None]
        scaled = torch.where(valid, (frames - self.mean) / self.deviation, 0.0)
        labels = lengths.new_zeros(lengths.shape)  # which are not read
        return (self.network.logits(ClipBatch(scaled, lengths, labels)).softmax(-1),)

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        rows, steps = sizes["batch"], sizes["time"]
        shape = (rows, steps, *(int(axis) for axis in self.inputs[0].axes[2:]))
        frames = torch.randint(256, shape, generator=random).float()
        return {"frames": frames, "lengths": drawn_lengths(rows, steps, random)}


def deployed(network: Network, preprocessing: Preprocessing) -> DeployedFrames:
    """The deployed form of a classifier of clips. Raises: `GatewiseError` if it is a baseline."""
    if not isinstance(network, FrameClassifier):
        raise GatewiseError(
            f"this model can't be exported: it is the baseline {type(network).__name__}; give a network"
        )
    return DeployedFrames(network, preprocessing)

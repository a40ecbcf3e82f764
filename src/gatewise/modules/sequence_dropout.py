"""Dropout with one mask for all steps of a sequence."""

from __future__ import annotations

from torch import Tensor, nn

from gatewise.layers.regularization import sequence_dropout


class SequenceDropout(nn.Dropout):
    """`torch.nn.Dropout` of values [T, B, H], with one mask [B, H] for all steps: variational dropout.

    Source: Gal and Ghahramani 2016.

    >>> import torch
    >>> dropped = SequenceDropout(0.5)(torch.ones(10, 2, 3))
    >>> bool((dropped == dropped[0]).all())
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        return sequence_dropout(input, self.p, self.training)

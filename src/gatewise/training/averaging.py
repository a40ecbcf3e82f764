"""The moving average of the parameters during training, which is validated and kept."""

from __future__ import annotations

from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor


class MovingAverage(WeightAveraging):
    """Averages the parameters exponentially; the average is validated, and stored in the checkpoints.

    `a_n = d_n a_{n-1} + (1 - d_n) p_n, d_n = min(decay, (1 + n) / (10 + n))`: the first steps are soon
    forgotten.

    Args:
        decay: the factor of the average at each step, between 0 and 1

    Source: Polyak and Juditsky 1992.
    """

    def __init__(self, decay: float) -> None:
        def average(averaged: Tensor, current: Tensor, updates: Tensor | int) -> Tensor:
            if not current.is_floating_point():
                return current  # a counter or a seed
            number = int(updates)
            return averaged.lerp(current, 1 - min(decay, (1 + number) / (10 + number)))

        super().__init__(avg_fn=average)

"""A network that is trained by gradient descent beside one that is fitted in closed form."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from math import log
from typing import Any, Protocol

import torch
from torch import Tensor

from gatewise.data.batching import computed_in_batches
from gatewise.modules.network import Network

LARGEST_PRIOR = 1 / 2  # the fraction of the recurrent layers without evidence, after many training sequences
HALF_PRIOR = 200  # the training sequences after which it is half as large: networks need more than ridge
PRIOR_EXAMPLES = 20  # the validation sequences that count as much as the prior


class Fitted(Protocol):
    """A model that is fitted in closed form; its methods are those of `FeatureRidge`."""

    def fit(self, train: Any, validation: Any, seed: int = 0) -> None: ...
    def fit_left_out(self, train: Any, seed: int = 0) -> Tensor: ...
    def refit(self, train: Any, validation: Any, seed: int = 0) -> None: ...
    def logits(self, batch: Any) -> Tensor: ...


class Hybrid(Network):
    """Recurrent layers and ridge regression on random convolutions: the mean of their logits.

    `z = w z_recurrent + (1 - w) z_rocket`

    Each is trained alone: gradient descent trains the recurrent layers, `complete` fits the rest, and chooses
    `w` on the validation set. The two err on different sequences, so that their mean is often better than
    either.

    stack: the recurrent layers; rocket: the ridge regression
    """

    stack: Any
    rocket: Any
    seed: Tensor
    fraction: Tensor

    def __init__(self, stack: Network, rocket: Fitted) -> None:
        super().__init__()
        self.stack, self.rocket = stack, rocket
        self.register_buffer("seed", torch.randint(2**31, ()))  # of the random convolutions
        self.register_buffer("fraction", torch.tensor(LARGEST_PRIOR))

    @property
    def differentiable(self) -> Any:
        return self.stack  # the features of random convolutions are counts

    @abstractmethod
    def normalized(self, logits: Tensor) -> Tensor:
        """Logits [B, K] of which the mean is taken."""

    @abstractmethod
    def cross_entropy(self, logits: Tensor, examples: Any) -> float:
        """The cross-entropy of logits of examples, weighted. logits: [N, K], normalized"""

    def loss(self, batch: Any) -> Tensor:
        """The loss of the stack, which is trained alone."""
        loss: Tensor = self.stack.loss(batch)
        return loss

    def complete(self, train: Any, validation: Any) -> Tensor:
        """Fits the random convolutions, and the fraction `w` of the calibrated recurrent layers.

        With folds, both sets are the same, and every example counts by predictions without it.

        Returns: the logits of the validation set, [N, K]
        """
        self.eval()
        recurrent = self._logits_of(self.stack, validation)
        if train.folds is None:
            self.rocket.fit(train, validation, int(self.seed))
            rocket = self._logits_of(self.rocket, validation)
        else:
            rocket = self.normalized(self.rocket.fit_left_out(train, int(self.seed)))
        prior = LARGEST_PRIOR * len(train) / (len(train) + HALF_PRIOR)
        fraction = choose_fraction(
            recurrent, rocket, lambda mixed: self.cross_entropy(mixed, validation), prior
        )
        self.fraction = torch.tensor(fraction)
        return torch.lerp(rocket, recurrent, self.fraction)

    def refit(self, train: Any, validation: Any) -> None:
        if train.folds is None:  # else it was fitted to all sequences
            self.rocket.refit(train, validation, int(self.seed))

    def logits(self, batch: Any) -> Tensor:
        """The logits [B, K]; with folds those of the recurrent layers, since the rest was fitted to all."""
        recurrent = self.normalized(self.stack.logits(batch))
        if batch.folds is not None:
            return recurrent
        return torch.lerp(self.normalized(self.rocket.logits(batch)), recurrent, self.fraction)

    def _logits_of(self, network: Any, examples: Any) -> Tensor:
        """[N, K], normalized."""
        return computed_in_batches(examples, lambda batch: self.normalized(network.logits(batch)))


def choose_fraction(
    first: Tensor, second: Tensor, cross_entropy: Callable[[Tensor], float], prior: float
) -> float:
    """The most probable fraction w of the first in `z = w z_1 + (1 - w) z_2`.

    `argmin N * cross-entropy - 20 * (prior ln w + (1 - prior) ln(1 - w))`: a Beta distribution around the
    prior counts as twenty examples, so that a few don't decide.

    Args:
        first: [N, K], logits
        second: [N, K], logits
        cross_entropy: computes the mean cross-entropy of logits
        prior: the fraction without evidence, between 0 and 1

    >>> right, wrong = torch.tensor([[0.9, 0.1]]).log(), torch.tensor([[0.1, 0.9]]).log()
    >>> choose_fraction(right.expand(500, -1), wrong.expand(500, -1), lambda z: -float(z[0, 0]), 0.25) > 0.9
    True
    """

    def cost(fraction: float) -> float:
        evidence = prior * log(fraction) + (1 - prior) * log(1 - fraction)
        return len(first) * cross_entropy(torch.lerp(second, first, fraction)) - PRIOR_EXAMPLES * evidence

    return min((step / 100 for step in range(1, 100)), key=cost)

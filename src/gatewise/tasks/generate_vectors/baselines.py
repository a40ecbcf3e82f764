"""Baselines of sequences of vectors: linear in the previous vectors, or independent of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.data.sequences.sequences import SequenceBatch, Sequences
from gatewise.modules.network import Baseline
from gatewise.tasks.generate_vectors.densities import LEAST_SCALE
from gatewise.tasks.generate_vectors.network import NextVector

PENALTIES = (100.0, 10.0, 1.0, 0.1)
MOST_STEPS = 1 << 18  # in the training set
ROUNDS = 30  # of L-BFGS, for each penalty; each begins where the last one ended


class LinearVectors(NextVector, Baseline):
    """`P(x_k = 1) = sigmoid(z_k)` of a 0/1 channel, `x = z + noise` of the real ones, `z = W before + b`.

    before: the last `order` vectors, the latest first, zeros before the beginning
    noise: one Gaussian over all real channels
    channels: C; binary: which of them are 0 or 1
    """

    channels: int
    binary: list[int]
    order: int
    real: list[int]
    weights: nn.Parameter
    bias: nn.Parameter
    noise: nn.Parameter

    def __init__(self, channels: int, binary: Sequence[int] = (), order: int = 1) -> None:
        super().__init__()
        self.channels, self.binary, self.order = channels, list(binary), order
        self.real = [channel for channel in range(channels) if channel not in set(binary)]
        self.weights = nn.Parameter(torch.zeros(channels, order * channels), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(channels), requires_grad=False)
        # The lower factor of the noise's covariance.
        self.noise = nn.Parameter(torch.eye(len(self.real)), requires_grad=False)

    def nats(self, batch: SequenceBatch) -> Tensor:
        nats = self.nats_after(history(batch.values, self.order), batch.values)
        return nats * (torch.arange(nats.shape[1]) < batch.lengths.unsqueeze(1))

    def nats_after(self, before: Tensor, truth: Tensor) -> Tensor:
        """`-ln p(truth | before)`, [..., order * C] and [..., C] -> [...]."""
        z = before @ self.weights.T + self.bias
        signs = 2 * truth[..., self.binary] - 1
        nats = -functional.logsigmoid(signs * z[..., self.binary]).sum(-1)
        if self.real:
            residual = (truth - z)[..., self.real]
            normal = torch.distributions.MultivariateNormal(torch.zeros_like(residual), scale_tril=self.noise)
            nats = nats - normal.log_prob(residual)
        return nats

    def options(self) -> dict[str, Any]:
        return {"channels": self.channels, "binary": self.binary}

    def _fill(self, weights: Tensor, bias: Tensor, pairs: Pairs) -> None:
        """Sets weights, and estimates the residual noise of the real channels."""
        self.weights.copy_(weights)
        self.bias.copy_(bias)
        residual = (pairs.truth - pairs.before @ weights.T - bias)[:, self.real]
        covariance = (
            residual.T @ residual / len(residual) + LEAST_SCALE**2 * torch.eye(len(self.real)).double()
        )
        self.noise.copy_(torch.linalg.cholesky(covariance))


class Pairs:
    """The vectors of a dataset and those before each: [S, C] and [S, order * C], in float64.

    Of a dataset of more than `MOST_STEPS`, a random sample of sequences.
    """

    truth: Tensor
    before: Tensor

    def __init__(self, dataset: Sequences, order: int) -> None:
        sampled = np.random.default_rng(0).permutation(len(dataset))
        count = int(np.searchsorted(np.cumsum(dataset.sizes.numpy()[sampled]), MOST_STEPS)) + 1
        sequences = [dataset.__getitems__([number]).values[0] for number in np.sort(sampled[:count]).tolist()]
        self.truth = torch.cat(sequences).double()
        self.before = torch.cat([history(values, order) for values in sequences]).double()


class Marginal(LinearVectors):
    """0/1 channels by their frequency in training, real ones by one Gaussian, independent of the past.

    A frequency is estimated as `(ones + 1/2) / (all + 1)` (Krichevsky and Trofimov 1981).
    """

    def __init__(self, channels: int, binary: Sequence[int] = ()) -> None:
        super().__init__(channels, binary, order=0)

    def fit(self, train: Sequences, validation: Any) -> None:
        pairs = Pairs(train, 0)
        self._fill(self.weights.double(), self.usual(pairs), pairs)

    def usual(self, pairs: Pairs) -> Tensor:
        """The mean of each channel, or the log odds of a 0/1 channel."""
        bias = pairs.truth.mean(0)
        ones = pairs.truth[:, self.binary].sum(0)
        bias[self.binary] = ((ones + 0.5) / (len(pairs.truth) - ones + 0.5)).log()
        return bias


class Markov(LinearVectors):
    """Each channel given its own last value: by counts of 0/1 channels, by regression of real ones."""

    def fit(self, train: Sequences, validation: Any) -> None:
        pairs = Pairs(train, 1)
        before, truth = pairs.before, pairs.truth
        middle, variance = before.mean(0), before.var(0, unbiased=False)
        slope = ((before - middle) * (truth - truth.mean(0))).mean(0) / variance.clamp(min=1e-12)
        bias = truth.mean(0) - slope * middle
        odds = []
        for value in (0, 1):
            matches = before[:, self.binary] == value
            ones = (matches * truth[:, self.binary]).sum(0)
            odds.append(((ones + 0.5) / (matches.sum(0) - ones + 0.5)).log())
        slope[self.binary], bias[self.binary] = odds[1] - odds[0], odds[0]
        self._fill(slope.diag(), bias, pairs)


class Autoregression(LinearVectors):
    """Linear and logistic regression of every channel on all channels of the last vectors.

    `argmin nats + penalty / 2 * |W|^2`, the penalty is chosen on the validation set (Hoerl and Kennard 1970).
    """

    def __init__(self, channels: int, binary: Sequence[int] = (), order: int = 4) -> None:
        super().__init__(channels, binary, order)

    def fit(self, train: Sequences, validation: Sequences) -> None:
        pairs, held_out = Pairs(train, self.order), Pairs(validation, self.order)
        marginal = Marginal(self.channels, self.binary).usual(pairs)
        solution = torch.cat([self.weights, self.bias.unsqueeze(1)], dim=1).double()
        lowest, parameters = float("inf"), (solution[:, :-1], solution[:, -1])
        for penalty in PENALTIES:
            solution = self._logistic(solution, marginal, pairs, penalty)
            weights, bias = solution[:, :-1].clone(), marginal + solution[:, -1]
            weights[self.real], bias[self.real] = self._linear(pairs, penalty)
            self._fill(weights, bias, pairs)
            nats = self.nats_after(held_out.before.float(), held_out.truth.float()).mean().item()
            if nats > lowest:
                break
            lowest, parameters = nats, (weights, bias)
        self._fill(*parameters, pairs)

    def _linear(self, pairs: Pairs, penalty: float) -> tuple[Tensor, Tensor]:
        truth = pairs.truth[:, self.real]
        middle, mean = pairs.before.mean(0), truth.mean(0)
        centred = pairs.before - middle
        gram = centred.T @ centred + penalty * torch.eye(centred.shape[1]).double()
        weights = torch.linalg.solve(gram, centred.T @ (truth - mean)).T
        return weights, mean - weights @ middle

    def _logistic(self, start: Tensor, marginal: Tensor, pairs: Pairs, penalty: float) -> Tensor:
        """[C, order * C + 1], the change of the marginal log odds last; only rows of 0/1 channels matter."""
        solution = start.clone()
        if not self.binary:
            return solution
        inputs = functional.pad(pairs.before, (0, 1), value=1.0)
        signs = 2 * pairs.truth[:, self.binary] - 1
        coefficients = solution[self.binary].requires_grad_()
        solver = torch.optim.LBFGS([coefficients], max_iter=ROUNDS, line_search_fn="strong_wolfe")

        def nats() -> Tensor:
            solver.zero_grad()
            fit = -functional.logsigmoid(signs * (inputs @ coefficients.T + marginal[self.binary])).sum()
            loss = (fit + 0.5 * penalty * coefficients.square().sum()) / len(inputs)
            loss.backward()
            return loss

        solver.step(nats)
        solution[self.binary] = coefficients.detach()
        return solution


def history(values: Tensor, order: int) -> Tensor:
    """The last `order` vectors before each, the latest first: [..., T, C] -> [..., T, order * C].

    >>> history(torch.tensor([[1.0], [2.0], [3.0]]), 2)
    tensor([[0., 0.],
            [1., 0.],
            [2., 1.]])
    """
    steps = values.shape[-2]
    shifted = [functional.pad(values, (0, 0, back, 0))[..., :steps, :] for back in range(1, order + 1)]
    return torch.cat([values[..., :0], *shifted], dim=-1)


BASELINES: dict[str, Callable[[int, Sequence[int]], LinearVectors]] = {
    "marginal": Marginal,
    "markov": Markov,
    "autoregression": Autoregression,
}

"""Heads that end in the distribution of a whole vector: 0/1 channels, real ones, or some of either."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAST_SCALE = 1e-3  # no component can shrink onto one point, where its density would have no bound
MOST_CORRELATION = 0.999


class DensityHead(nn.Module):
    """From a summary to the distribution of some channels, by numbers that are linear in it."""

    linear: nn.Linear

    def __init__(self, features: int, numbers: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, numbers)

    def forward(self, summary: Tensor) -> Tensor:
        """[..., F] -> [..., n], what the other methods take as `raw`."""
        return self.linear(summary)

    @abstractmethod
    def nats(self, raw: Tensor, truth: Tensor) -> Tensor:
        """`-ln p(truth)`: [..., n] and [..., C] -> [...]."""

    @abstractmethod
    def mean(self, raw: Tensor) -> Tensor:
        """What is expected of each channel, [..., C]."""

    @abstractmethod
    def sample(self, raw: Tensor, bias: float = 0.0) -> Tensor:
        """Draws [..., C]; the larger the bias, the closer real channels stay to the most probable values."""


class BernoulliHead(DensityHead):
    """Channels that are 0 or 1, each by itself: `P(x_k = 1) = sigmoid(raw_k)`.

    features: F, the width of the summary; channels: C

    >>> head = BernoulliHead(8, channels=3)
    >>> raw = head(torch.randn(2, 5, 8))
    >>> head.nats(raw, torch.ones(2, 5, 3)).shape, head.sample(raw).shape
    (torch.Size([2, 5]), torch.Size([2, 5, 3]))
    """

    def __init__(self, features: int, channels: int) -> None:
        super().__init__(features, channels)

    def nats(self, raw: Tensor, truth: Tensor) -> Tensor:
        return -functional.logsigmoid((2 * truth - 1) * raw).sum(-1)

    def mean(self, raw: Tensor) -> Tensor:
        return raw.sigmoid()

    def sample(self, raw: Tensor, bias: float = 0.0) -> Tensor:
        return torch.bernoulli(raw.sigmoid())


class GaussianMixture(NamedTuple):
    """A mixture of M Gaussians over C channels.

    log_weights: [..., M]; means, scales: [..., M, C]; correlation: [..., M] between two channels, else None
    """

    log_weights: Tensor
    means: Tensor
    scales: Tensor
    correlation: Tensor | None


class MixtureHead(DensityHead):
    """Real channels together: `p(x) = sum_m w_m N(x; mean_m, scale_m)` (Bishop 1994; Graves 2013).

    Within a component the channels are independent; two channels alone also have a correlation, as the
    pen of Graves (2013) has. Scales have a lower bound, so that no density grows without end.

    features: F; channels: C; components: M

    >>> head = MixtureHead(8, channels=2, components=5)
    >>> raw = head(torch.randn(2, 7, 8))
    >>> head.nats(raw, torch.randn(2, 7, 2)).shape, head.sample(raw, bias=1.0).shape
    (torch.Size([2, 7]), torch.Size([2, 7, 2]))
    """

    channels: int
    components: int
    correlated: bool

    def __init__(self, features: int, channels: int, components: int = 20) -> None:
        correlated = channels == 2
        super().__init__(features, components * (1 + 2 * channels + correlated))
        self.channels, self.components, self.correlated = channels, components, correlated

    def mixture(self, raw: Tensor) -> GaussianMixture:
        """The parameters of the mixture, from the numbers of `forward`."""
        numbers = raw.unflatten(-1, (self.components, -1))
        widths = [1, self.channels, self.channels, int(self.correlated)]
        weight, means, scales, correlation = numbers.split(widths, dim=-1)
        return GaussianMixture(
            weight.squeeze(-1).log_softmax(-1),
            means,
            LEAST_SCALE + functional.softplus(scales),
            MOST_CORRELATION * correlation.squeeze(-1).tanh() if self.correlated else None,
        )

    def nats(self, raw: Tensor, truth: Tensor) -> Tensor:
        log_weights, means, scales, correlation = self.mixture(raw)
        residual = (truth.unsqueeze(-2) - means) / scales
        log_norm = scales.log().sum(-1) + 0.5 * self.channels * math.log(2 * math.pi)
        if correlation is not None:  # the second channel, given the first
            scale = ((1 - correlation) * (1 + correlation)).sqrt()
            first, second = residual.unbind(-1)
            residual = torch.stack([first, (second - correlation * first) / scale], dim=-1)
            log_norm = log_norm + scale.log()
        return -torch.logsumexp(log_weights - log_norm - 0.5 * residual.square().sum(-1), dim=-1)

    def mean(self, raw: Tensor) -> Tensor:
        mixture = self.mixture(raw)
        return (mixture.log_weights.exp().unsqueeze(-1) * mixture.means).sum(-2)

    def sample(self, raw: Tensor, bias: float = 0.0) -> Tensor:
        """Draws [..., C]; a bias b raises weights to the power of 1 + b and multiplies scales by exp(-b)."""
        log_weights, means, scales, correlation = self.mixture(raw)
        weights = ((1 + bias) * log_weights).softmax(-1)
        chosen = torch.multinomial(weights.flatten(0, -2), 1).view(*weights.shape[:-1], 1, 1)
        normal = torch.randn_like(means[..., 0, :])
        if correlation is not None:
            rho = correlation.gather(-1, chosen[..., 0]).squeeze(-1)
            second = rho * normal[..., 0] + ((1 - rho) * (1 + rho)).sqrt() * normal[..., 1]
            normal = torch.stack([normal[..., 0], second], dim=-1)
        means, scales = (tensor.take_along_dim(chosen, -2).squeeze(-2) for tensor in (means, scales))
        return means + math.exp(-bias) * scales * normal


class VectorHead(nn.Module):
    """A whole vector: its 0/1 channels by a Bernoulli head, all others by a mixture; their nats add up.

    features: F; channels: C; binary: which of the channels are 0 or 1; components: M of the mixture

    >>> head = VectorHead(8, channels=3, binary=[2], components=5)  # a pen: dx, dy, lifted
    >>> raw = head(torch.randn(4, 8))
    >>> head.nats(raw, torch.tensor([0.5, -0.1, 1.0]).expand(4, 3)).shape
    torch.Size([4])
    >>> head.sample(raw)[:, 2].unique().tolist() in ([0.0], [1.0], [0.0, 1.0])
    True
    """

    parts: nn.ModuleList
    widths: list[int]
    order: Tensor

    def __init__(
        self, features: int, channels: int, binary: Sequence[int] = (), components: int = 20
    ) -> None:
        super().__init__()
        real = [channel for channel in range(channels) if channel not in set(binary)]
        heads: list[DensityHead] = []
        self.places: list[list[int]] = []
        if real:
            heads.append(MixtureHead(features, len(real), components))
            self.places.append(real)
        if binary:
            heads.append(BernoulliHead(features, len(binary)))
            self.places.append(list(binary))
        self.parts = nn.ModuleList(heads)
        self.widths = [head.linear.out_features for head in heads]
        flat = torch.tensor([channel for group in self.places for channel in group])
        self.register_buffer("order", flat.argsort(), persistent=False)

    def forward(self, summary: Tensor) -> Tensor:
        """[..., F] -> the numbers of all parts beside each other, [..., n]."""
        return torch.cat([head(summary) for head in self.parts], dim=-1)

    def nats(self, raw: Tensor, truth: Tensor) -> Tensor:
        """`-ln p(truth)`, [..., n] and [..., C] -> [...]."""
        pairs = zip(self._each(raw), self.places, strict=True)
        nats = [head.nats(parameters, truth[..., channels]) for (head, parameters), channels in pairs]
        return torch.stack(nats).sum(0)

    def mean(self, raw: Tensor) -> Tensor:
        """The expected vector [..., C]; of a 0/1 channel its probability."""
        means = torch.cat([head.mean(parameters) for head, parameters in self._each(raw)], dim=-1)
        return means[..., self.order]

    def sample(self, raw: Tensor, bias: float = 0.0) -> Tensor:
        """Draws [..., C]; the bias acts on real channels alone, as in Graves (2013)."""
        sampled = torch.cat([head.sample(parameters, bias) for head, parameters in self._each(raw)], dim=-1)
        return sampled[..., self.order]

    def _each(self, raw: Tensor) -> list[tuple[DensityHead, Tensor]]:
        """Each part with the numbers that are its own."""
        heads = [cast(DensityHead, head) for head in self.parts]
        return list(zip(heads, raw.split(self.widths, -1), strict=True))

"""Output heads of values that are not negative: counts, and amounts of which many are zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import NegativeBinomial
from torch.nn import functional

from gatewise.data.series.scaled_table import Support
from gatewise.modules.head import Head
from gatewise.modules.levels import LEVELS
from gatewise.modules.tweedie import tweedie_log_density, tweedie_quantiles

MIN_MEAN, MIN_DISPERSION = 1e-3, 1e-3
SHARPNESS = 10.0
MIN_POWER, MAX_POWER = 1.05, 1.95


def positive_mean(location: Tensor, origin: Tensor) -> Tensor:
    """`softplus(location + softplus^-1(max(origin, 0)))`, with a smooth maximum.

    A location of 0 leaves an origin that is positive nearly unchanged. The location is added to a large
    origin and multiplies a small one, so that the mean is positive whatever the origin is.

    >>> positive_mean(torch.zeros(3), torch.tensor([-5.0, 1.0, 20.0]))
    tensor([1.0000e-03, 1.0010e+00, 2.0001e+01])
    """
    origin = MIN_MEAN + functional.softplus(SHARPNESS * origin) / SHARPNESS
    inverse = origin + torch.log(-torch.expm1(-origin))
    return functional.softplus(location + inverse)


class MeanHead(Head):
    """A head whose distributions have a positive mean and a dispersion, the two numbers of a step.

    features: F, the width of the summary; horizon: Q, in steps
    levels: of the quantiles, n ascending numbers between 0 and 1, with 0.5
    """

    center_name: ClassVar[str] = "mean"

    def __init__(self, features: int, horizon: int, levels: Sequence[float] = LEVELS) -> None:
        super().__init__(features, horizon, 2, levels)

    def forward(self, summary: Tensor, origin: Tensor) -> Tensor:
        location, dispersion = self.outputs(summary).unbind(-1)
        dispersion = MIN_DISPERSION + functional.softplus(dispersion)
        return torch.stack([positive_mean(location, origin), dispersion], dim=-1)

    def center(self, raw: Tensor) -> Tensor:
        return raw[..., 0]


class NegativeBinomialHead(MeanHead):
    """A negative binomial distribution of each step, for counts; trained by its likelihood.

    Its mean m and its dispersion a are the numbers of a step: the variance is `m + a m^2`. The quantiles are
    whole numbers.

    features: F, the width of the summary; horizon: Q, in steps
    levels: of the quantiles, n ascending numbers between 0 and 1, with 0.5

    Source: Salinas et al. 2020, DeepAR.

    >>> head = NegativeBinomialHead(8, horizon=3)
    >>> raw = head(torch.randn(2, 8), origin=torch.full((2, 1), 4.0))
    >>> bool((head.quantiles(raw) % 1 == 0).all())
    True
    """

    support: ClassVar[Support] = "counts"

    def rescale(self, raw: Tensor, level: Tensor, scale: Tensor) -> Tensor:
        mean, dispersion = raw.unbind(-1)
        return torch.stack([mean * scale, dispersion], dim=-1)

    def loss(self, raw: Tensor, truth: Tensor) -> Tensor:
        """The mean negative log-likelihood."""
        mean, dispersion = raw.double().unbind(-1)  # the logarithms of large factorials cancel
        distribution = NegativeBinomial(
            total_count=1 / dispersion, logits=torch.log(dispersion * mean), validate_args=False
        )
        return -distribution.log_prob(truth.double()).mean().to(raw.dtype)

    def quantiles(self, raw: Tensor) -> Tensor:
        from scipy.stats import nbinom

        mean, dispersion = raw.detach().cpu().double().unsqueeze(-2).unbind(-1)
        successes = 1 / (1 + dispersion * mean)
        found = nbinom.ppf(self.quantile_levels, (1 / dispersion).numpy(), successes.numpy())
        return torch.from_numpy(found).to(raw)


class TweedieHead(MeanHead):
    """A Tweedie distribution of each step, for amounts of which many are zero; trained by its likelihood.

    It is the sum of a Poisson number of gamma variables: zero with a positive probability, else any positive
    number. Its mean m and its dispersion d are the numbers of a step; the power p, between 1 and 2, is one
    learned parameter: the variance is `d m^p`.

    features: F, the width of the summary; horizon: Q, in steps
    levels: of the quantiles, n ascending numbers between 0 and 1, with 0.5

    Source: Jorgensen 1987; Dunn and Smyth 2005 for the series of the density.

    >>> head = TweedieHead(8, horizon=3)
    >>> raw = head(torch.randn(2, 8), origin=torch.full((2, 1), 0.3))
    >>> bool((head.quantiles(raw) >= 0).all())
    True
    """

    power_logit: nn.Parameter

    support: ClassVar[Support] = "non-negative"

    def __init__(self, features: int, horizon: int, levels: Sequence[float] = LEVELS) -> None:
        super().__init__(features, horizon, levels)
        self.power_logit = nn.Parameter(torch.zeros(()))

    @property
    def power(self) -> Tensor:
        """The exponent of the mean in the variance."""
        return MIN_POWER + (MAX_POWER - MIN_POWER) * torch.sigmoid(self.power_logit)

    def rescale(self, raw: Tensor, level: Tensor, scale: Tensor) -> Tensor:
        mean, dispersion = raw.unbind(-1)
        return torch.stack([mean * scale, dispersion * scale ** (2 - self.power)], dim=-1)

    def loss(self, raw: Tensor, truth: Tensor) -> Tensor:
        """The mean negative log-likelihood."""
        mean, dispersion = raw.double().unbind(-1)
        density = tweedie_log_density(truth.double(), mean, dispersion, self.power.double())
        return -density.mean().to(raw.dtype)

    def quantiles(self, raw: Tensor) -> Tensor:
        return self.quantiles_with(raw, float(self.power.detach()))

    def quantiles_with(self, raw: Tensor, power: float) -> Tensor:
        """As `quantiles`, by operations of PyTorch alone. power: that of the head"""
        mean, dispersion = raw.detach().double().unbind(-1)
        return tweedie_quantiles(self.quantile_levels, mean, dispersion, power).to(raw)

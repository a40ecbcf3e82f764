"""Output heads of real values: quantiles, and a Student-t distribution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import StudentT
from torch.nn import functional

from gatewise.modules.head import Head
from gatewise.modules.levels import LEVELS

MIN_SCALE, MIN_FREEDOM = 1e-3, 2.0


def pinball(quantiles: Tensor, truth: Tensor, levels: Tensor) -> Tensor:
    """The pinball loss of each quantile: `max(q * e, (q - 1) * e)` with `e = truth - quantile`.

    Args:
        quantiles: [..., n]
        truth: [...]
        levels: [n], in 0..1

    Returns:
        [..., n]

    Source: Koenker and Bassett 1978.

    >>> pinball(torch.tensor([[1.0, 2.0]]), torch.tensor([3.0]), torch.tensor([0.5, 0.9]))
    tensor([[1.0000, 0.9000]])
    """
    error = truth.unsqueeze(-1) - quantiles
    return torch.maximum(levels * error, (levels - 1) * error)


class QuantileHead(Head):
    """Quantiles of every step at once, trained by the pinball loss.

    They are the outputs of the linear layer in ascending order, in training and in forecasts, so that they
    can't cross (Chernozhukov et al. 2010).

    features: F, the width of the summary; horizon: Q, in steps
    levels: of the quantiles, n ascending numbers between 0 and 1, with 0.5

    >>> head = QuantileHead(8, horizon=3, levels=(0.05, 0.5, 0.95))
    >>> raw = head(torch.randn(2, 8), origin=torch.zeros(2, 1))
    >>> head.quantiles(raw).shape
    torch.Size([2, 3, 3])
    """

    def __init__(self, features: int, horizon: int, levels: Sequence[float] = LEVELS) -> None:
        super().__init__(features, horizon, len(levels), levels)

    def forward(self, summary: Tensor, origin: Tensor) -> Tensor:
        return self.outputs(summary) + origin.unsqueeze(-1)

    def rescale(self, raw: Tensor, level: Tensor, scale: Tensor) -> Tensor:
        return raw * scale.unsqueeze(-1) + level.unsqueeze(-1)

    def loss(self, raw: Tensor, truth: Tensor) -> Tensor:
        """Twice the mean pinball loss, which approximates the CRPS."""
        return 2 * pinball(self.quantiles(raw), truth, self.levels).mean()

    def quantiles(self, raw: Tensor) -> Tensor:
        return raw.sort(dim=-1).values

    def median(self, raw: Tensor) -> Tensor:
        return self.quantiles(raw)[..., self.median_index]


class StudentTHead(Head):
    """A Student-t distribution of each step, which can have heavy tails; trained by its likelihood.

    Its location, scale and degrees of freedom are the numbers of a step.

    features: F, the width of the summary; horizon: Q, in steps
    levels: of the quantiles, n ascending numbers between 0 and 1, with 0.5

    >>> head = StudentTHead(8, horizon=3)
    >>> raw = head(torch.randn(2, 8), origin=torch.zeros(2, 1))
    >>> head.quantiles(raw).shape
    torch.Size([2, 3, 9])
    """

    def __init__(self, features: int, horizon: int, levels: Sequence[float] = LEVELS) -> None:
        super().__init__(features, horizon, 3, levels)

    def forward(self, summary: Tensor, origin: Tensor) -> Tensor:
        location, scale, freedom = self.outputs(summary).unbind(-1)
        scale = MIN_SCALE + functional.softplus(scale)
        freedom = MIN_FREEDOM + functional.softplus(freedom)
        return torch.stack([location + origin, scale, freedom], dim=-1)

    def rescale(self, raw: Tensor, level: Tensor, scale: Tensor) -> Tensor:
        location, deviation, freedom = raw.unbind(-1)
        return torch.stack([location * scale + level, deviation * scale, freedom], dim=-1)

    def loss(self, raw: Tensor, truth: Tensor) -> Tensor:
        """The mean negative log-likelihood."""
        location, scale, freedom = raw.unbind(-1)
        return -StudentT(freedom, location, scale).log_prob(truth).mean()

    def quantiles(self, raw: Tensor) -> Tensor:
        """`location + scale * t^-1(level; freedom)`: [B, Q, n]."""
        from scipy.special import stdtrit  # PyTorch has no inverse of Student's distribution

        location, scale, freedom = (part.unsqueeze(-1) for part in raw.detach().cpu().double().unbind(-1))
        standard = torch.from_numpy(stdtrit(freedom.numpy(), self.levels.cpu().double().numpy()))
        return (location + scale * standard).to(raw)

    def median(self, raw: Tensor) -> Tensor:
        """[B, Q], with a gradient: the location, because the distribution is symmetric."""
        return raw[..., 0]


HEADS: dict[str, type[QuantileHead] | type[StudentTHead]] = {
    "quantiles": QuantileHead,
    "student-t": StudentTHead,
}

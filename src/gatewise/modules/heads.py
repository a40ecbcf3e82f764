"""Output heads: from a summary of the past to a distribution of each step of the horizon."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import StudentT
from torch.nn import functional

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MEDIAN = LEVELS.index(0.5)
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


class QuantileHead(nn.Module):
    """Quantiles of every step at once, trained by the pinball loss.

    Args:
        features: F, the width of the summary
        horizon: Q, in steps
        levels: n numbers in 0..1, ascending

    >>> head = QuantileHead(8, horizon=3)
    >>> raw = head(torch.randn(2, 8), origin=torch.zeros(2, 1))
    >>> raw.shape, head.quantiles(raw).shape
    (torch.Size([2, 3, 9]), torch.Size([2, 3, 9]))
    """

    levels: Tensor

    def __init__(self, features: int, horizon: int, levels: Sequence[float] = LEVELS) -> None:
        super().__init__()
        self.horizon = horizon
        self.linear = nn.Linear(features, horizon * len(levels))
        self.register_buffer("levels", torch.tensor(levels))

    def forward(self, summary: Tensor, origin: Tensor) -> Tensor:
        """Predicts quantiles, not yet sorted.

        summary: [B, F]; origin: what they are relative to, such as the last value, [B, 1] or [B, Q]

        Returns: [B, Q, n]
        """
        return self.linear(summary).unflatten(-1, (self.horizon, -1)) + origin.unsqueeze(-1)

    def rescale(self, raw: Tensor, level: Tensor, scale: Tensor) -> Tensor:
        """The output of `forward` for values `v` as that for values `v * scale + level`, [B, 1] both."""
        return raw * scale.unsqueeze(-1) + level.unsqueeze(-1)

    def loss(self, raw: Tensor, truth: Tensor) -> Tensor:
        """Twice the mean pinball loss, which approximates the CRPS."""
        return 2 * pinball(raw, truth, self.levels).mean()

    def quantiles(self, raw: Tensor) -> Tensor:
        """Sorts the predictions, so that quantiles do not cross (Chernozhukov et al. 2010): [B, Q, n]."""
        return raw.sort(dim=-1).values

    def median(self, raw: Tensor) -> Tensor:
        """[B, Q], with a gradient."""
        return self.quantiles(raw)[..., MEDIAN]


class StudentTHead(nn.Module):
    """A Student-t distribution of each step, which can have heavy tails; trained by its likelihood.

    Args:
        features: F, the width of the summary
        horizon: Q, in steps
        levels: n numbers in 0..1, ascending

    >>> head = StudentTHead(8, horizon=3)
    >>> raw = head(torch.randn(2, 8), origin=torch.zeros(2, 1))
    >>> head.quantiles(raw).shape
    torch.Size([2, 3, 9])
    """

    levels: Tensor

    def __init__(self, features: int, horizon: int, levels: Sequence[float] = LEVELS) -> None:
        super().__init__()
        self.horizon = horizon
        self.linear = nn.Linear(features, horizon * 3)
        self.register_buffer("levels", torch.tensor(levels))

    def forward(self, summary: Tensor, origin: Tensor) -> Tensor:
        """Location, scale and degrees of freedom of each step.

        summary: [B, F]; origin: what locations are relative to, such as the last value, [B, 1] or [B, Q]

        Returns: [B, Q, 3]
        """
        location, scale, freedom = self.linear(summary).unflatten(-1, (self.horizon, 3)).unbind(-1)
        scale = MIN_SCALE + functional.softplus(scale)
        freedom = MIN_FREEDOM + functional.softplus(freedom)
        return torch.stack([location + origin, scale, freedom], dim=-1)

    def rescale(self, raw: Tensor, level: Tensor, scale: Tensor) -> Tensor:
        """The output of `forward` for values `v` as that for values `v * scale + level`, [B, 1] both."""
        location, deviation, freedom = raw.unbind(-1)
        return torch.stack([location * scale + level, deviation * scale, freedom], dim=-1)

    def loss(self, raw: Tensor, truth: Tensor) -> Tensor:
        """The mean negative log-likelihood."""
        location, scale, freedom = raw.unbind(-1)
        return -StudentT(freedom, location, scale).log_prob(truth).mean()

    def median(self, raw: Tensor) -> Tensor:
        """[B, Q], with a gradient: the location, because the distribution is symmetric."""
        return raw[..., 0]

    def quantiles(self, raw: Tensor) -> Tensor:
        """`location + scale * t^-1(level; freedom)`: [B, Q, n]."""
        from scipy.special import stdtrit  # PyTorch has no inverse of Student's distribution

        location, scale, freedom = (part.unsqueeze(-1) for part in raw.detach().cpu().double().unbind(-1))
        standard = torch.from_numpy(stdtrit(freedom.numpy(), self.levels.cpu().double().numpy()))
        return (location + scale * standard).to(raw)


HEADS: dict[str, type[QuantileHead] | type[StudentTHead]] = {
    "quantiles": QuantileHead,
    "student-t": StudentTHead,
}

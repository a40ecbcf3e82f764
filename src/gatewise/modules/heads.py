"""Output heads of real values: quantiles, and a Student-t distribution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import StudentT
from torch.nn import functional

from gatewise.modules.count_heads import NegativeBinomialHead, TweedieHead
from gatewise.modules.head import Head
from gatewise.modules.levels import LEVELS
from gatewise.modules.student import FEWEST, student_quantiles

MIN_SCALE = 1e-3


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

    The outputs of the linear layer are the median and the distances between neighbouring quantiles, which
    softplus makes positive, so that quantiles can't cross: `q_next = q + g * softplus(output)`, with half the
    distance g between the same quantiles of a normal distribution.

    features: F, the width of the summary; horizon: Q, in steps
    levels: of the quantiles, n ascending numbers between 0 and 1, with 0.5

    Source: Park et al. 2022, learning quantile functions without quantile crossing.

    >>> head = QuantileHead(8, horizon=3, levels=(0.05, 0.5, 0.95))
    >>> raw = head(torch.randn(2, 8), origin=torch.zeros(2, 1))
    >>> head.quantiles(raw).shape
    torch.Size([2, 3, 3])
    """

    gaps: Tensor

    def __init__(self, features: int, horizon: int, levels: Sequence[float] = LEVELS) -> None:
        super().__init__(features, horizon, len(levels), levels)
        normal = torch.special.ndtri(torch.tensor(levels).double()).float()
        self.register_buffer("gaps", normal.diff() / 2, persistent=False)

    def forward(self, summary: Tensor, origin: Tensor) -> Tensor:
        middle = self.median_index
        below, median, above = self.outputs(summary).split(
            [middle, 1, len(self.quantile_levels) - middle - 1], dim=-1
        )
        below = functional.softplus(below) * self.gaps[:middle]
        above = functional.softplus(above) * self.gaps[middle:]
        lower = -below.flip(-1).cumsum(-1).flip(-1)
        median = median + origin.unsqueeze(-1)
        return torch.cat([median + lower, median, median + above.cumsum(-1)], dim=-1)

    def rescale(self, raw: Tensor, level: Tensor, scale: Tensor) -> Tensor:
        return raw * scale.unsqueeze(-1) + level.unsqueeze(-1)

    def loss(self, raw: Tensor, truth: Tensor) -> Tensor:
        """Twice the mean pinball loss, which approximates the CRPS."""
        return 2 * pinball(self.quantiles(raw), truth, self.levels).mean()

    def quantiles(self, raw: Tensor) -> Tensor:
        return raw

    def center(self, raw: Tensor) -> Tensor:
        return self.quantiles(raw)[..., self.median_index]


class SortedQuantileHead(QuantileHead):
    """Quantiles as models of earlier formats have them: the outputs in ascending order."""

    def forward(self, summary: Tensor, origin: Tensor) -> Tensor:
        return self.outputs(summary) + origin.unsqueeze(-1)

    def quantiles(self, raw: Tensor) -> Tensor:
        return raw.sort(dim=-1).values


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
        freedom = FEWEST + functional.softplus(freedom)
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
        location, scale, freedom = raw.detach().double().unbind(-1)
        standard = student_quantiles(self.quantile_levels, freedom)
        return (location.unsqueeze(-1) + scale.unsqueeze(-1) * standard).to(raw)

    def center(self, raw: Tensor) -> Tensor:
        """The location, because the distribution is symmetric."""
        return raw[..., 0]


AnyHead = type[QuantileHead] | type[StudentTHead] | type[NegativeBinomialHead] | type[TweedieHead]
HEADS: dict[str, AnyHead] = {
    "quantiles": QuantileHead,
    "sorted-quantiles": SortedQuantileHead,
    "student-t": StudentTHead,
    "negative-binomial": NegativeBinomialHead,
    "tweedie": TweedieHead,
}

"""A causal convolution of each feature over a few steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gatewise.engine.sequences import within


class ShortConvolution(nn.Module):
    """Mixes the last steps of each feature: `y_t = w_0 x_t + w_1 x_{t-1} + ... + b`.

    size: D, the features
    width: k, the steps, this one included

    >>> import torch
    >>> convolution = ShortConvolution(5, width=4)
    >>> output, last = convolution(torch.randn(10, 3, 5), torch.zeros(3, 3, 5))
    >>> output.shape, last.shape
    (torch.Size([10, 3, 5]), torch.Size([3, 3, 5]))
    """

    weight: nn.Parameter
    bias: nn.Parameter

    def __init__(self, size: int, width: int = 4) -> None:
        super().__init__()
        self.width = width
        self.weight = nn.Parameter(torch.empty(width, size))
        self.bias = nn.Parameter(torch.zeros(size))
        nn.init.uniform_(self.weight, -(width**-0.5), width**-0.5)

    def forward(
        self, values: Tensor, before: Tensor, lengths: Tensor | None = None, resets: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Convolves a sequence.

        values: [T, B, D]; before: [k - 1, B, D], the inputs before it, the last one last
        lengths: [B]; resets: [T, B] bool, whether nothing before a step is seen

        Returns: the output [T, B, D], and the last inputs as `before`, those before the end of each sequence.
        """
        steps, earlier = values.shape[0], self.width - 1
        if resets is not None:
            resets = resets if lengths is None else resets & within(lengths, steps)
            before = before.masked_fill(resets[0][:, None], 0.0)
        whole = torch.cat([before, values])
        output = values * self.weight[0] + self.bias
        seen = None  # [T, B], whether no reset lies between a step and the one that is `lag` steps earlier
        for lag in range(1, self.width):
            past = whole[earlier - lag : earlier - lag + steps]
            if resets is not None:
                seen = ~_shifted(resets, lag - 1) if seen is None else seen & ~_shifted(resets, lag - 1)
                past = past.masked_fill(~seen[:, :, None], 0.0)
            output = output + past * self.weight[lag]
        return output, self._last(whole, lengths, resets)

    def _last(self, whole: Tensor, lengths: Tensor | None, resets: Tensor | None) -> Tensor:
        """The last k - 1 inputs [k - 1, B, D] that the next step may see."""
        steps, earlier = whole.shape[0] - self.width + 1, self.width - 1
        ends = torch.full((whole.shape[1],), steps, device=whole.device) if lengths is None else lengths
        places = ends + torch.arange(earlier, device=whole.device)[:, None]  # in `whole`
        last = whole.gather(0, places[:, :, None].expand(-1, -1, whole.shape[2]))
        if resets is None:
            return last
        at = torch.arange(steps, device=whole.device)[:, None]
        reset = torch.where(resets & (at < ends), at, -1).amax(0)  # the last one of each sequence
        return last.masked_fill((places - earlier < reset)[:, :, None], 0.0)


def _shifted(resets: Tensor, steps: int) -> Tensor:
    """Whether there was a reset some steps earlier, [T, B]."""
    if steps == 0:
        return resets
    return torch.cat([torch.zeros_like(resets[:steps]), resets])[: len(resets)]

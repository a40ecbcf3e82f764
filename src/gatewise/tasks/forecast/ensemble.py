"""Several recurrent forecasters that are trained together, and whose quantiles are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.data.series.windows import WindowBatch
from gatewise.modules.levels import LEVELS
from gatewise.modules.network import constructor_arguments
from gatewise.tasks.forecast.forecaster import ForecastShape, RawOutput, Skip
from gatewise.tasks.forecast.network import ForecastNetwork, Front
from gatewise.tasks.forecast.normalization import Normalization


class ForecastEnsemble(ForecastNetwork):
    """M stacks that start from different parameters: their quantiles are averaged, `q = mean_m q_m`.

    Each is trained by its own loss, on every M-th window of a batch; they have one linear skip in common. Of
    heads other than quantiles, the parameters of the distributions are averaged.

    Args:
        members: M
        shape, cell, ...: of each stack, as in `ForecastNetwork`

    Source: Lakshminarayanan, Pritzel and Blundell 2017; Ratcliff 1979 for means of quantiles.

    >>> from gatewise.cells import LSTM
    >>> network = ForecastEnsemble(3, ForecastShape(context=24, horizon=6), LSTM, hidden=16)
    >>> network.quantiles(network(torch.randn(4, 24, 1), torch.randn(4, 6, 0))).shape
    torch.Size([4, 6, 9])
    """

    others: nn.ModuleList

    def __init__(
        self,
        members: int,
        shape: ForecastShape,
        cell: CellType,
        *,
        hidden: int = 64,
        layers: int = 1,
        heads: int = 1,
        dropout: float = 0.0,
        head: str = "quantiles",
        front: Front = "none",
        normalization: Normalization = "window",
        skip: Skip = "linear",
        levels: Sequence[float] = LEVELS,
        dependence: bool = False,
        anchor: bool = False,
        dilations: Sequence[int] = (),
        decay: bool = False,
    ) -> None:
        given = constructor_arguments(locals())
        del given["members"]
        super().__init__(**given)
        bare = {**given, "skip": "none", "dependence": False, "anchor": False}
        self.others = nn.ModuleList(ForecastNetwork(**bare) for _ in range(members - 1))

    def raw(self, past: Tensor, future: Tensor, static: Tensor, origin: Tensor) -> Tensor:
        return torch.stack([raw_of(past, future, static, origin) for raw_of in self._each()]).mean(0)

    def loss(self, batch: WindowBatch) -> Tensor:
        """The mean of the members' losses in training; else that of their mean."""
        if not self.training:
            return super().loss(batch)
        members, losses = self._each(), []
        for number, raw_of in enumerate(members):
            own = batch.every(len(members), number) if len(batch.truth) >= len(members) else batch
            losses.append(self.loss_of(self.forecast(raw_of, *own.inputs), own.truth))
        return torch.stack(losses).mean()

    def options(self) -> dict[str, Any]:
        return {"members": 1 + len(self.others), **super().options()}

    def modules_called(self, name: str) -> tuple[str, ...]:
        return (name, *(f"others.{number}.{name}" for number in range(len(self.others))))

    def _each(self) -> list[RawOutput]:
        """The layers of each member."""
        others = [one.raw for one in self.others if isinstance(one, ForecastNetwork)]
        return [super().raw, *others]

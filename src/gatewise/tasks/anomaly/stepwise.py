"""A step of a detector: the value that was expected, the score of the one that came, and its flag."""

from __future__ import annotations

import numpy as np
import polars as pl
import torch
from torch import Tensor

from gatewise.data.series.scaled_table import scale_of_new
from gatewise.data.series.scaling import Scale
from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.shipping.series_inputs import scale_values
from gatewise.shipping.series_rows import CAUSAL_FILLS, SeriesRows, SeriesStepwise, describe_series
from gatewise.shipping.stepwise import dtype_of
from gatewise.shipping.window import pushed
from gatewise.tasks.anomaly.data import Preprocessing
from gatewise.tasks.anomaly.network import AnomalyNetwork


class AnomalyStepwise(SeriesStepwise):
    """The expected value in the unit of the data, the score, and 1 where it is above the threshold, else 0.

    All are NaN before the window that the network reads is full, and where a masked value is missing. The
    state is this window, scaled.
    """

    network: AnomalyNetwork
    rows: SeriesRows
    form: Preprocessing
    threshold: Tensor

    def __init__(self, network: AnomalyNetwork, form: Preprocessing) -> None:
        learned, shape = form.learned, network.shape
        rows = SeriesRows(learned, form.columns, form.fill)
        output = {"kind": "scores", "names": ["expected", "score", "anomaly"], "context": shape.context}
        description = {"input": describe_series(form, 0), "output": output}
        like = torch.zeros((), dtype=dtype_of(network))
        initial = {
            "steps": torch.zeros(1, 1, dtype=torch.int64),
            "window": like.new_zeros(1, shape.context, shape.inputs),
            "scale": scale_values(learned.series.values())[:1],
        }
        if learned.masked:
            initial["since"] = torch.zeros(1, dtype=torch.float64)
        super().__init__(description, torch.ones(1, rows.width, dtype=torch.float64), initial)
        self.network, self.rows, self.form = network, rows, form
        self.register_buffer("threshold", network.threshold.double())

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        steps, window, scale, *others = states
        own = self.rows.inputs.scale(scale)
        row, since = self.rows(x, own, window[:, -1, 0], others[0] if others else None)
        row = row.to(window.dtype)
        known = self.network.shape.known
        location, width, _ = self.network(window, row[:, None, 1 : 1 + known]).unbind(-1)
        score = ((row[:, 0] - location).abs() / width).double()
        flag = (score > self.threshold).double()
        y = torch.stack([own.undo(location), score, flag], dim=1)
        unknown = steps < self.network.shape.context
        if self.rows.inputs.masked:
            unknown = unknown | x[:, :1].isnan()
        y = torch.where(unknown, torch.nan, y)
        kept = () if since is None else (since,)
        return (y, steps + 1, pushed(window, row, steps), scale, *kept)

    def scale_of(self, values: np.ndarray) -> Scale:
        return scale_of_new(values, self.form.learned, False, "real", 0)

    def static_state(self, frame: pl.DataFrame) -> Tensor:
        raise GatewiseError("a detector reads no static columns")


def stepwise(network: Network, form: Preprocessing) -> AnomalyStepwise:
    """A step of a detector. Raises: `GatewiseError` if it is a baseline, or reads later values."""
    if not isinstance(network, AnomalyNetwork):
        raise GatewiseError(f"{type(network).__name__} has no recurrent layers, so it can't stream")
    if form.fill not in CAUSAL_FILLS:
        raise GatewiseError(
            f"--fill {form.fill} reads values outside the window, so the model can't stream; train one with "
            "--fill forward or mask"
        )
    return AnomalyStepwise(network, form)

"""A step of a forecaster: the quantiles of the steps after this one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import torch
from torch import Tensor

from gatewise.data.series.scaled_table import scale_of_new
from gatewise.data.series.scaling import Scale
from gatewise.data.series.statics import read_statics, static_inputs
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError
from gatewise.modules.count_heads import NegativeBinomialHead
from gatewise.modules.network import Network
from gatewise.shipping.series_inputs import scale_values
from gatewise.shipping.series_rows import CAUSAL_FILLS, SeriesRows, SeriesStepwise, describe_series
from gatewise.shipping.stepwise import dtype_of
from gatewise.shipping.window import pushed
from gatewise.tasks.forecast.data import Preprocessing
from gatewise.tasks.forecast.forecaster import HeadedForecaster
from gatewise.tasks.forecast.graph_quantiles import graph_quantiles


class ForecastStepwise(SeriesStepwise):
    """The calibrated quantiles [B, Q, n] of the horizon after a step, in the unit of the data.

    The state is the window that the network reads, scaled: forecasts are normalized by their window, so that
    the network reads all of it at each step. An observation is the raw row of the step, and what is known of
    the horizon; the scale of a series and its static inputs are states that do not change.
    """

    quantiles: Callable[[Tensor], Tensor]
    network: HeadedForecaster
    rows: SeriesRows
    form: Preprocessing
    initial_static: Tensor

    def __init__(self, network: HeadedForecaster, form: Preprocessing) -> None:
        shape, learned = network.shape, form.learned
        rows = SeriesRows(learned, form.columns, form.fill)
        description = {
            "input": describe_series(form, shape.horizon, form.plan.support),
            "output": {
                "kind": "quantiles",
                "target": form.columns.target,
                "levels": list(network.quantile_levels),
                "horizon": shape.horizon,
                "whole": form.plan.support == "counts",
            },
        }
        like = torch.zeros((), dtype=dtype_of(network))
        initial = {
            "steps": torch.zeros(1, 1, dtype=torch.int64),
            "window": like.new_zeros(1, shape.context, shape.inputs),
            "scale": scale_values(learned.series.values())[:1],
        }
        if shape.static:
            initial["static"] = like.new_zeros(1, shape.static)
        if learned.masked:
            initial["since"] = torch.zeros(1, dtype=torch.float64)
        width = rows.width + shape.horizon * rows.inputs.ahead
        super().__init__(description, torch.ones(1, width, dtype=torch.float64), initial)
        self.quantiles = graph_quantiles(network.head)
        if isinstance(network.head, NegativeBinomialHead):
            self.quantiles = network.head.quantiles  # of any size
            self.graph_obstacle = (
                "quantiles of counts need SciPy; train it with --head quantiles, or export to onnx or torch"
            )
        self.network, self.rows, self.form = network, rows, form

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        steps, window, scale, *others = states
        static = others[0] if self.network.shape.static else None
        since = others[-1] if self.rows.inputs.masked else None
        own = self.rows.inputs.scale(scale)
        row, since = self.rows(x[:, : self.rows.width], own, window[:, -1, 0], since)
        window = pushed(window, row, steps)
        ahead = x[:, self.rows.width :].unflatten(1, (self.network.shape.horizon, -1))
        future = self.rows.inputs.known_inputs(ahead).to(window.dtype)
        scaled = self.network.calibrated(self.quantiles(self.network(window, future, static)))
        kept = [one for one in (static, since) if one is not None]
        return (own.undo(scaled), steps + 1, window, scale, *kept)

    def scale_of(self, values: np.ndarray) -> Scale:
        plan = self.form.plan
        takes_logarithms = plan.log and plan.support == "real" and float(values.min()) > 0
        return scale_of_new(values, self.form.learned, takes_logarithms, plan.support, plan.context)

    def static_state(self, frame: pl.DataFrame) -> Tensor:
        table, rows = Table("the observation", frame, 1), np.arange(frame.height)
        values = read_statics(table, self.form.columns, {"": rows})
        inputs = static_inputs(values, self.form.learned.statics)
        return torch.from_numpy(inputs).to(self.initial_static)


def stepwise(network: Network, form: Preprocessing) -> ForecastStepwise:
    """A step of a forecaster. Raises: `GatewiseError` if series can't be forecast one by one."""
    assert isinstance(network, HeadedForecaster)
    if form.columns.hierarchy:
        raise GatewiseError(
            "the forecasts of a hierarchy are made to add up over all series at once, so they can't stream; "
            "use predict, or train a model without --hierarchy"
        )
    if form.columns.target_source:
        raise GatewiseError(
            f"the model forecasts {len(form.columns.targets)} targets as series of their own, which do not "
            "stream; use predict, or train a model of one target"
        )
    if form.fill not in CAUSAL_FILLS:
        raise GatewiseError(
            f"--fill {form.fill} reads values outside the window, so the model can't stream; train one with "
            "--fill forward or mask"
        )
    return ForecastStepwise(network, form)

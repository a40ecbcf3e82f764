"""Where a forecast comes from: the median at the end of the horizon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from gatewise.data.series.scaling import Scale
from gatewise.data.series.windows import WindowBatch
from gatewise.insight.attribution import attribute
from gatewise.report.attribution import accurate_attribution, channel_track, in_data_units
from gatewise.report.example import ExampleAttribution
from gatewise.tasks.forecast.forecaster import Forecaster, HeadedForecaster


def explain_forecast(
    network: Forecaster, batch: WindowBatch, scale: Scale, names: Sequence[str], last: str, step: str
) -> ExampleAttribution:
    """The median at the end of the horizon, by what is read and what is known of the steps to foretell.

    last: what the end of the horizon is called; step: one step in the data's own time
    """
    assert isinstance(network, HeadedForecaster)
    past, future, horizon = batch.past, batch.future, batch.truth.shape[1]
    read, known = past.shape[1], future.shape[2]
    inputs = past.new_zeros(1, read + horizon, past.shape[2])
    inputs[:, :read], inputs[:, read:, 1 : 1 + known] = past, future

    def median(steps: Tensor) -> Tensor:
        raw = network(steps[:, :read], steps[:, read:, 1 : 1 + known])
        return network.head.median(raw)[:, -1]

    found = accurate_attribution(lambda points: attribute(median, inputs, steps=points))
    values = scale.deviation * found.values[0].double().numpy()
    values[read:, [0, *range(1 + known, values.shape[1])]] = np.nan  # what nobody knows of the future
    ahead = f"{horizon} step{'s' * (horizon > 1)} ahead"
    what = f"the median for {last}, {ahead} (a step is one {step})"
    return in_data_units(
        found, what, "where every input is at its mean", np.nansum(values, axis=1),
        (channel_track(values, names),), scale.mean, scale.deviation,
    )  # fmt: skip

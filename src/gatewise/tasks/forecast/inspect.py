"""An example of the test set, to look at inside a forecaster, and the attribution of its forecast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from torch import Tensor

from gatewise.data.series.series_set import Series
from gatewise.data.series.windows import WindowBatch
from gatewise.data.tables.columns import FoundColumns
from gatewise.data.times.formats import format_time, shortest_format
from gatewise.insight.attribution import attribute
from gatewise.report.attribution import accurate_attribution, channel_track, in_data_units
from gatewise.report.example import Example, ExampleAttribution, Line, Track, channels, require_example
from gatewise.tasks.forecast.data import ForecastData
from gatewise.tasks.forecast.forecaster import Forecaster, HeadedForecaster
from gatewise.tasks.forecast.metrics import Forecasts

BEFORE_SUMS = " by the network alone, before the forecasts of the hierarchy add up"


def inspect_forecast(forecasts: Forecasts, number: int) -> Example:
    """A window of the test set: the past that the model reads, the truth, and the forecast; 0 is the first.

    forecasts: of the test set

    Raises: `GatewiseError` if there is none of that number.
    """
    network, data = forecasts.network, forecasts.data
    require_example(number, len(data.test), "windows in the test set")
    batch = data.test.__getitems__([number])
    series = data.source.series[int(batch.series)]
    undo, past = partial(data.undo, series=batch.series), data.plan.context
    given, true = (undo(values)[0].numpy() for values in (batch.past[:, :, 0], batch.truth))
    quantiles = forecasts.quantiles([number])[0].numpy()
    levels, middle = network.quantile_levels, network.median_index
    around = [place for place in sorted({0, len(levels) - 1}) if place != middle]
    target = (
        Line("given", given),
        Line("true", true, past),
        Line("median", quantiles[:, middle], past),
        *(Line(f"{100 * levels[place]:.4g}% quantile", quantiles[:, place], past) for place in around),
    )
    columns = data.source.columns
    target_name = columns.target_of(series.id)
    names = [*data.learned.known_inputs(columns), *data.learned.observed_inputs(columns)]
    times, step = _window_times(data, series, number), data.source.step
    return Example(
        batch,
        f"{series.id}{_describe_static(series, columns)}, window {number} of the test set",
        (Track(target_name, target), *channels(names, batch.past[0, :, 1:].numpy())),
        f"after {times[past - 1]} the forecast for {times[past]} is {quantiles[0, middle]:.6g} "
        f"(true: {'missing' if np.isnan(target[1].values[0]) else f'{target[1].values[0]:.6g}'})",
        times,
        str(step),
        attribute=lambda _: explain_forecast(
            network,
            batch,
            undo,
            (target_name, *names),
            f"{times[-1]}{BEFORE_SUMS * bool(columns.hierarchy)}",
            step.words,
        ),
    )


def _describe_static(series: Series, columns: FoundColumns) -> str:
    """The values of the static columns of a series, in parentheses; empty if there are none."""
    pairs = zip(columns.static, series.static, strict=True)
    values = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value!r}" for name, value in pairs
    ]
    return f" ({', '.join(values)})" if values else ""


def _window_times(data: ForecastData, series: Series, number: int) -> tuple[str, ...]:
    """The times of a window of the test set, from the first step of its past to the end of its horizon."""
    is_same_series = data.test.series == data.test.series[number]
    first = int(data.test.starts[number]) - int(data.test.starts[is_same_series][0])
    first += data.plan.borders(len(series))[1] - data.plan.context
    missing = max(-first, 0)  # steps before the beginning of a short series
    times = series.times[max(first, 0) :][: data.plan.context + data.plan.horizon - missing]
    time_format = shortest_format(times)
    shown = times if time_format is None else times.dt.to_string(time_format)
    return ("before the series",) * missing + tuple(map(format_time, shown))


def explain_forecast(
    network: Forecaster,
    batch: WindowBatch,
    undo: Callable[[Tensor], Tensor],
    names: Sequence[str],
    last: str,
    step: str,
) -> ExampleAttribution:
    """Attributes the median (of counts: the mean) at the end of the horizon to past and known future.

    Static inputs stay as they are.

    undo: converts scaled values to the units of the data
    names: of the target and all covariates; last: the time of the end of the horizon, and whose forecast
    step: its length, in words
    """
    assert isinstance(network, HeadedForecaster)
    past, future, horizon = batch.past, batch.future, batch.truth.shape[1]
    context, known = past.shape[1], future.shape[2]
    inputs = past.new_zeros(1, context + horizon, past.shape[2])
    inputs[:, :context], inputs[:, context:, 1 : 1 + known] = past, future

    def center(steps: Tensor) -> Tensor:
        static = batch.static.expand(len(steps), -1)
        raw = network(steps[:, :context], steps[:, context:, 1 : 1 + known], static)
        return undo(network.head.center(raw)[:, -1])

    attribution = accurate_attribution(lambda points: attribute(center, inputs, steps=points))
    values = attribution.values[0].double().numpy()
    values[context:, [0, *range(1 + known, values.shape[1])]] = np.nan  # unknown in the future
    distance = f"{horizon} step{'s' * (horizon > 1)} ahead"
    output = f"the {network.head.center_name} for {last}, {distance} (a step is {step})"
    baseline = "where every input is at its mean"
    if network.head.support != "real":
        baseline = "where the target is 0 and every covariate is at its mean"
    return in_data_units(
        attribution,
        output,
        f"{baseline}{', with the same static columns' * bool(batch.static.shape[1])}",
        np.nansum(values, axis=1),
        (channel_track(values, names),),
    )

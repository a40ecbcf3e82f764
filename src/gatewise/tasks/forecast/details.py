"""What a comparison shows beside its leaderboard: tables about a network, and the caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.levels import interval_title
from gatewise.tasks.forecast.data import ForecastData
from gatewise.tasks.forecast.forecaster import HeadedForecaster
from gatewise.tasks.forecast.metrics import Forecasts, describe_undefined, score_levels, score_targets
from gatewise.tasks.forecast.reconciliation import Coherence, Reconciliation

METHODS: dict[Reconciliation, str] = {"mint": "by minimum trace", "bottom-up": "as sums"}


def forecast_details(forecasts: Forecasts, data: ForecastData, metrics: Sequence[Metric]) -> list[Details]:
    """The metrics of each of several targets, and the weight of the layers beside ridge regression."""
    network, found = forecasts.network, []
    if forecasts.coherence is not None:
        found.append(_hierarchy_details(forecasts, metrics[0], forecasts.coherence))
    if data.source.columns.target_source is not None:
        rows = tuple(
            (target, *(metric.format(scores[metric.name]) for metric in metrics))
            for target, scores in score_targets(forecasts).items()
        )
        found.append(Details("by target", ("", *(metric.title for metric in metrics)), rows))
    if isinstance(network, HeadedForecaster) and network.layer_weight is not None:
        weight = float(network.layer_weight)
        weights = (("the trained network", f"{weight:.0%}"), ("ridge regression", f"{1 - weight:.0%}"))
        found.append(Details("the forecast is a mean of", ("", "weight"), weights))
    return found


def _hierarchy_details(forecasts: Forecasts, metric: Metric, coherence: Coherence) -> Details:
    """The metric at each level of a hierarchy, of forecasts before and after they add up."""
    before, after = (score_levels(one) for one in (replace(forecasts, coherence=None), forecasts))
    rows = tuple(
        (level, f"{count:,}", *(metric.format(one[level][1][metric.name]) for one in (before, after)))
        for level, (count, _) in after.items()
    )
    header = ("", "series", "as forecast", METHODS[coherence.method])
    why = f" ({coherence.why})" if coherence.why else ""
    return Details(f"{metric.title} by the levels of the hierarchy{why}", header, rows)


def describe_metrics(data: ForecastData) -> str:
    """The caption of a leaderboard."""
    interval = interval_title(data.plan.levels)
    coverage = f"coverage {interval}: the fraction of true values in the {interval} interval; "
    period = "one step" if data.plan.period == 1 else f"{data.plan.period} steps"
    mixed = "; errors with a unit, such as RMSE, are means over targets in different units"
    return (
        f"* a baseline; {coverage if interval else ''}MASE: the error "
        f"relative to repeating the value of {period} before, in the training set"
        f"{describe_undefined(data)}{mixed if data.source.columns.target_source else ''}"
        f"{'; forecasts of the hierarchy add up' if data.source.columns.hierarchy else ''}"
    )

"""Forecasts of a split as a value, and their scores in the unit of the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from gatewise.data.series.hierarchy import levels_of
from gatewise.data.series.windows import BLOCK, WindowBatch, Windows
from gatewise.errors import GatewiseError
from gatewise.metrics.metric import Metric
from gatewise.modules.levels import interval_title
from gatewise.tasks.forecast.data import ForecastData
from gatewise.tasks.forecast.errors import ErrorUnits, ScoreSums, error_terms, naive_errors
from gatewise.tasks.forecast.forecaster import Forecaster
from gatewise.tasks.forecast.reconciliation import Coherence
from gatewise.tasks.predictions import Predictions

METRICS = {
    metric.name: metric
    for metric in (
        Metric("mase", "MASE"),
        Metric("rmsse", "RMSSE"),
        Metric("smape", "sMAPE", ".1%"),
        Metric("mape", "MAPE", ".1%"),
        Metric("mae", "MAE", ".3g"),
        Metric("rmse", "RMSE", ".4g"),
        Metric("pinball", "pinball", ".4g"),
        Metric("wql", "WQL", ".4f"),
        Metric("crps", "CRPS", ".3g"),
        Metric("winkler", "Winkler", ".3g"),
        Metric("coverage", "coverage 80%", ".0%", higher_is_better=True),
    )
}
OF_INTERVALS = ("winkler", "coverage")
OF_VALUES = ("mape", "wql")  # relative to true values
NEEDED_LEVELS = {"winkler": "two levels p and 1 - p", "crps": "more than one level"}


def applicable_metrics(names: Sequence[str], levels: Sequence[float]) -> tuple[Metric, ...]:
    """The metrics of these names that apply to levels; titles name the coverage of intervals."""
    interval = interval_title(levels)
    if interval is None:
        names = [name for name in names if name not in OF_INTERVALS]
    if len(levels) == 1:
        names = [name for name in names if name != "crps"]
    return tuple(
        replace(METRICS[name], title=f"{METRICS[name].title.split()[0]} {interval}")
        if name in OF_INTERVALS
        else METRICS[name]
        for name in names
    )


@dataclass(frozen=True)
class Forecasts(Predictions[Forecaster, Windows]):
    """The forecasts of the windows of a split, computed in blocks: those of all may not fit into memory.

    data: with the scales of the series
    coherence: makes the forecasts of a hierarchy add up, of a split with as many windows of each series
    """

    data: ForecastData
    coherence: Coherence | None = None

    def blocks(self) -> Iterator[tuple[WindowBatch, Tensor]]:
        """All windows, in batches, each with its quantiles [B, Q, n] in the units of the data.

        The levels are those of the network; the median is the point forecast.
        """
        if self.coherence is None:
            for batch in self.split.blocks():
                yield batch, self._unscaled(batch)
            return
        at_once = max(BLOCK // len(self.coherence.summing), 1)
        for numbers in self._by_series.split(at_once, dim=1):
            yield self._reconciled(numbers)

    @cached_property
    def sums(self) -> ScoreSums:
        """The sums from which the scores of all windows are computed."""
        data = self.data
        sums, units = ScoreSums(len(data.source.series)), _units(data)
        for batch, quantiles in self.blocks():
            truth = data.undo_exactly(batch.truth, batch.series)
            own = ErrorUnits(*(unit[batch.series] for unit in units))
            plan, with_crps = data.plan, data.metric == "crps"
            terms = error_terms(truth, quantiles, plan.levels, own, plan.support, with_crps)
            sums.add(terms, batch.series)
        return sums

    def quantiles(self, numbers: list[int]) -> Tensor:
        """[B, Q, n]: the quantiles of some windows, by their numbers."""
        if self.coherence is None:
            return self._unscaled(self.split.__getitems__(numbers))
        series, places = np.divmod(numbers, self._by_series.shape[1])
        _, quantiles = self._reconciled(self._by_series[:, places])
        return quantiles.unflatten(0, (-1, len(numbers)))[series, torch.arange(len(numbers))]

    @property
    def _by_series(self) -> Tensor:
        """[S, N]: the numbers of the windows of each series, which begin at the same times."""
        return torch.arange(len(self.split)).view(len(self.data.source.series), -1)

    def _reconciled(self, numbers: Tensor) -> tuple[WindowBatch, Tensor]:
        """The windows of these numbers [S, N], and their quantiles, which add up."""
        assert self.coherence is not None
        batch = self.split.__getitems__(numbers.flatten().tolist())
        values, plan = self._unscaled(batch).numpy(), self.data.plan
        made = self.coherence.applied(values, self.network.median_index, plan.support)
        return batch, torch.from_numpy(made)

    def _unscaled(self, batch: WindowBatch) -> Tensor:
        return self.data.undo(forecast_batch(self.network, batch), batch.series)


def score(forecasts: Forecasts) -> dict[str, float]:
    """The scores of forecasts, over all windows and steps.

    The units of the scaled errors are those of the training set; `error_terms` and `ScoreSums` have the
    formulas.
    """
    return forecasts.sums.scores()


def score_targets(forecasts: Forecasts) -> dict[str, dict[str, float]]:
    """The scores of each of several targets."""
    source = forecasts.data.source
    columns, ids = source.columns, [source.columns.target_of(series.id) for series in source.series]
    return {
        target: forecasts.sums.only([number for number, one in enumerate(ids) if one == target]).scores()
        for target in columns.targets
        if target in ids
    }


def score_levels(forecasts: Forecasts) -> dict[str, tuple[int, dict[str, float]]]:
    """The number of series and the scores of each level of a hierarchy, from the sum of all down."""
    levels = levels_of(forecasts.data.source)
    return {name: (len(own), forecasts.sums.only(own).scores()) for name, own in levels.items()}


def require_defined(data: ForecastData) -> None:
    """Raises: `GatewiseError` if the metric that ranks is undefined for the levels or for the test set."""
    metric, levels = METRICS[data.metric], data.plan.levels
    if not applicable_metrics([data.metric], levels):
        raise GatewiseError(
            f"--metric {data.metric} needs {NEEDED_LEVELS[data.metric]}, and --levels are "
            f"{', '.join(f'{level:g}' for level in levels)}"
        )
    known, zeros = count_test_steps(data) if data.metric in OF_VALUES else (1, 0)
    if known == zeros:
        raise GatewiseError(
            f"every value of the test set is zero, where {metric.title} is undefined; give another --metric"
        )


def count_test_steps(data: ForecastData) -> tuple[int, int]:
    """The steps of all windows of the test set with a value, and those whose value is zero."""
    known = zeros = 0
    for batch in data.test.blocks():
        truth = data.undo_exactly(batch.truth, batch.series)
        known, zeros = known + int((~truth.isnan()).sum()), zeros + int((truth == 0).sum())
    return known, zeros


def describe_undefined(data: ForecastData) -> str:
    """The number of terms that the metrics leave out, for the end of a sentence; empty if there are none."""
    sentences = [""]
    if constant := int((_units(data).absolute == 0).sum()):
        sentences.append(f"MASE and RMSSE leave out {constant} series, constant in the training set")
    if data.metric == "mape" and (zeros := count_test_steps(data)[1]):
        sentences.append(f"MAPE leaves out the steps whose true value is zero: {zeros}")
    return "; ".join(sentences)


def forecast_batch(network: Forecaster, batch: WindowBatch) -> Tensor:
    """[B, Q, n]: a network's quantiles for a batch of windows, scaled."""
    network.eval()
    with torch.inference_mode():
        return network.quantiles(network(*batch.inputs))


def forecast_windows(network: Forecaster, windows: Windows) -> Tensor:
    """[windows, Q, n]: a network's quantiles for all windows, scaled."""
    return torch.cat([forecast_batch(network, batch) for batch in windows.blocks()])


def _units(data: ForecastData) -> ErrorUnits:
    """The errors of the naive forecast in the training set of each series."""
    targets = [data.truth_of(series)[: data.plan.borders(len(series))[0]] for series in data.source.series]
    return naive_errors(targets, data.plan.period)

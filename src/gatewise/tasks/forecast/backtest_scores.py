"""The forecasts of a backtest as a table, their scores, and the test of the difference to a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from gatewise.data.series.scaled_table import Support
from gatewise.data.series.series_set import SeriesSet
from gatewise.metrics.diebold_mariano import DieboldMariano, diebold_mariano
from gatewise.metrics.ljung_box import autocorrelation, ljung_box
from gatewise.modules.levels import median_index
from gatewise.tasks.forecast.errors import ErrorUnits, RankingMetric, ScoreSums, error_terms, naive_errors
from gatewise.tasks.forecast.metrics import METRICS
from gatewise.tasks.forecast.origins import OriginForecasts, Residuals, Rolling, times_at


@dataclass(frozen=True)
class BacktestScores:
    """Forecasts of a model and of the baselines from rolling origins, with their scores.

    model: the name of the network; levels: of the quantiles; support: of the target
    source: the series, whole; period: of the MASE, in steps
    rolling: where the windows lie; refit: whether the model was trained again at each origin
    forecasts: by the names of the model and the baselines, ordered by series and window
    one_step: the residuals of the model at every step from the first origin to the last
    metric: by which the model is compared with the baselines
    """

    model: str
    levels: tuple[float, ...]
    support: Support
    source: SeriesSet
    period: int
    rolling: Rolling
    refit: bool
    forecasts: OriginForecasts = field(repr=False)
    one_step: Residuals = field(repr=False)
    metric: RankingMetric = "mase"

    @property
    def baselines(self) -> tuple[str, ...]:
        """The names of the baselines."""
        return tuple(name for name in self.forecasts.quantiles if name != self.model)

    @cached_property
    def table(self) -> pl.DataFrame:
        """A row for each step of each window.

        The columns: `origin`, the last time that the forecast knew; `series`; `time`; `step` of the horizon,
        from 1; `actual`, null where it is missing; `predicted`, the median of the model; `q0.1` and other
        quantiles of the model; the median of each baseline, by its name.
        """
        made, middle = self.forecasts, median_index(self.levels)
        steps = np.arange(self.rolling.horizon)
        own = made.quantiles[self.model].reshape(-1, len(self.levels))
        series = np.repeat(made.series, len(steps))
        origins = times_at(self.source, series, np.repeat(made.end - 1, len(steps)))
        times = times_at(self.source, series, (made.end[:, None] + steps).reshape(-1))
        return pl.DataFrame(
            {
                "origin": self.source.clock.restored(origins),
                "series": [self.source.series[number].id for number in series],
                "time": self.source.clock.restored(times),
                "step": np.tile(steps + 1, len(made.end)),
                "actual": pl.Series(made.truth.reshape(-1)).fill_nan(None),
                "predicted": own[:, middle],
                **{
                    f"q{level:g}": own[:, place] for place, level in enumerate(self.levels) if place != middle
                },
                **{name: made.quantiles[name][..., middle].reshape(-1) for name in self.baselines},
            }
        )

    @cached_property
    def scores(self) -> pl.DataFrame:
        """The metrics of the model and of each baseline: a row for all, for each step, and for each series.

        The columns: `model`; `step` of the horizon, null for all; `series`, null for all; the metrics, null
        where one is undefined. Scaled errors are relative to the naive forecast before the first origin.
        """
        rows: list[dict[str, Any]] = []
        for name, terms in self._terms.items():
            whole = self._sums(terms)
            rows.append({"model": name, "step": None, "series": None, **whole.scores()})
            for step in range(self.rolling.horizon):
                own = self._sums({metric: values[:, step : step + 1] for metric, values in terms.items()})
                rows.append({"model": name, "step": step + 1, "series": None, **own.scores()})
            of_series = {metric: values.tolist() for metric, values in whole.of_series().items()}
            for number, series in enumerate(self.source.series):
                scores = {metric: values[number] for metric, values in of_series.items()}
                rows.append({"model": name, "step": None, "series": series.id, **scores})
        frame = pl.DataFrame(rows, infer_schema_length=None).fill_nan(None)
        names = [name for name in METRICS if name in frame.columns]
        return frame.select(
            pl.col("model"), pl.col("step").cast(pl.Int64), pl.col("series").cast(pl.String), *names
        )

    @cached_property
    def _units(self) -> ErrorUnits:
        targets = [one.given if self.source.masked else one.target for one in self.source.series]
        past = [one[: self.rolling.ends(len(one))[0]] for one in targets]
        return naive_errors(past, self.period)

    @cached_property
    def _terms(self) -> dict[str, dict[str, Tensor]]:
        """The terms of the metrics, [N, Q] each, of the model and of each baseline."""
        made = self.forecasts
        units = ErrorUnits(*(unit[made.series] for unit in self._units))
        truth = torch.from_numpy(made.truth)
        return {
            name: error_terms(truth, torch.from_numpy(quantiles), self.levels, units, self.support)
            for name, quantiles in made.quantiles.items()
        }

    @property
    def constant_series(self) -> list[str]:
        """The ids of the series without scaled errors, which are constant before the first origin."""
        return [
            series.id
            for series, unit in zip(self.source.series, self._units.absolute, strict=True)
            if unit == 0
        ]

    def _sums(self, terms: Mapping[str, Tensor]) -> ScoreSums:
        sums = ScoreSums(len(self.source.series))
        sums.add(terms, torch.from_numpy(self.forecasts.series))
        return sums

    @cached_property
    def residuals(self) -> pl.DataFrame:
        """The one-step residuals of the model: `series`, `time`, `residual` (actual minus predicted).

        They are those of every step from the first origin to the last, null where a value is missing; with a
        refit, each is that of the latest training before it.
        """
        own = self.one_step
        times = times_at(self.source, own.series, own.end)
        return pl.DataFrame(
            {
                "series": [self.source.series[number].id for number in own.series],
                "time": self.source.clock.restored(times),
                "residual": pl.Series(own.values).fill_nan(None),
            }
        )

    @cached_property
    def autocorrelation(self) -> pl.DataFrame:
        """The autocorrelation of the residuals of each series: `series`, `lag`, `autocorrelation`.

        The lags are 1 to 10, or to two periods, and at most a fifth of the residuals.
        """
        rows = [
            {"series": series.id, "lag": lag, "autocorrelation": float(value)}
            for series, values in zip(self.source.series, self._residuals_of_series(), strict=True)
            for lag, value in enumerate(autocorrelation(values, self._lags(values)), 1)
        ]
        schema = {"series": pl.String, "lag": pl.Int64, "autocorrelation": pl.Float64}
        return pl.DataFrame(rows, schema=schema)

    @cached_property
    def ljung_box(self) -> pl.DataFrame:
        """The Ljung-Box test of each series: `series`, `residuals`, `mean`, `lags`, `statistic`, `p_value`.

        A low p-value shows that residuals depend on earlier ones: the model misses something that repeats.
        It is null where a series has fewer than five residuals.
        """
        rows = []
        for series, values in zip(self.source.series, self._residuals_of_series(), strict=True):
            lags, count = self._lags(values), int((~np.isnan(values)).sum())
            found = ljung_box(autocorrelation(values, lags), count) if lags else None
            rows.append(
                {
                    "series": series.id,
                    "residuals": count,
                    "mean": float(np.nanmean(values)) if count else None,
                    "lags": lags,
                    "statistic": found and found.statistic,
                    "p_value": found and found.p_value,
                }
            )
        floats = dict.fromkeys(("mean", "statistic", "p_value"), pl.Float64)
        return pl.DataFrame(rows, schema_overrides=floats)

    @cached_property
    def coverage(self) -> pl.DataFrame:
        """The fraction of values up to each quantile of the model: `step`, `level`, `fraction`.

        At best the fraction is the level; it is null where all values of a step are missing.
        """
        made = self.forecasts
        count = (~np.isnan(made.truth)).sum(0)[:, None]
        below = (made.truth[..., None] <= made.quantiles[self.model]).sum(0)
        fractions = np.divide(below, count, out=np.full(below.shape, np.nan), where=count > 0)
        steps = np.arange(1, self.rolling.horizon + 1)
        return pl.DataFrame(
            {
                "step": np.repeat(steps, len(self.levels)),
                "level": np.tile(self.levels, len(steps)),
                "fraction": pl.Series(fractions.reshape(-1)).fill_nan(None),
            }
        )

    def _residuals_of_series(self) -> list[np.ndarray]:
        borders = np.searchsorted(self.one_step.series, np.arange(1, len(self.source.series)))
        return np.split(self.one_step.values, borders)

    def _lags(self, residuals: np.ndarray) -> int:
        """The lags of a test, as Hyndman and Athanasopoulos 2021 advise."""
        return min(2 * self.period if self.period > 1 else 10, int((~np.isnan(residuals)).sum()) // 5)

    @cached_property
    def ranking(self) -> RankingMetric:
        """The metric that ranks: the one of the training, or the MASE where that is undefined."""
        defined = all(scores.get(self.metric) is not None for scores in self.overall.values())
        return self.metric if defined else "mase"

    @cached_property
    def best_baseline(self) -> str:
        """The baseline with the lowest error over all windows, by the metric that ranks."""
        return min(self.baselines, key=lambda name: self.overall[name][self.ranking])

    @cached_property
    def overall(self) -> dict[str, dict[str, float]]:
        """The metrics over all windows, steps and series, of the model and of each baseline."""
        total = self.scores.filter(pl.col("step").is_null() & pl.col("series").is_null())
        return {row.pop("model"): row for row in total.drop("step", "series").iter_rows(named=True)}

    @cached_property
    def test(self) -> DieboldMariano | None:
        """The Diebold-Mariano test of the model against the best baseline, by the mean term of each origin.

        The terms are those of the metric that ranks: squared errors for RMSE and RMSSE, the pinball loss for
        WQL.

        Differences of origins whose horizons overlap may be correlated, and no others: the test has as many
        autocovariances. None if there are too few origins, an origin without errors, or no variance.
        """
        term = "pinball" if self.ranking == "wql" else self.ranking
        losses = [self._terms[name][term] for name in (self.model, self.best_baseline)]
        differences, window = losses[0] - losses[1], torch.from_numpy(self.forecasts.window)
        means = [float(differences[window == one].nanmean()) for one in range(self.rolling.windows)]
        return diebold_mariano(np.array(means), self.rolling.overlap)

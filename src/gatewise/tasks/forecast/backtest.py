"""Backtests: how a model, and the baselines, would have forecast the end of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from gatewise.metrics.details import aligned
from gatewise.metrics.metric import Metric
from gatewise.plots.plot import Plot
from gatewise.tasks.comparison import pick
from gatewise.tasks.forecast.backtest_scores import BacktestScores
from gatewise.tasks.forecast.metrics import METRICS, applicable_metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = {
    "forecasts": "the end of the series, with the forecasts of every origin",
    "errors": "the error by step of the horizon",
    "residuals": "the residuals of one step, their autocorrelation, and the coverage by step of the horizon",
}
SIGNIFICANT = 0.05
SHOWN = ("mase", "smape", "rmse", "crps", "coverage")


@dataclass(frozen=True, repr=False)
class Backtest(BacktestScores):
    """Forecasts from rolling origins, with their scores, a verdict and figures.

    notes, warnings: how the backtest was done, and what limits it, a line each
    overlapping: the windows with values that the model was trained on
    """

    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    overlapping: int = 0

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """How the backtest was done, and how many undefined terms the metrics leave out, a line each."""
        terms = self._terms[self.model]
        remarks = list(self.notes)
        if missing := int(terms["mae"].isnan().sum()):
            remarks.append(f"steps without a value, which are not scored: {missing}")
        if zeros := int(terms["mape"].isnan().sum()) - missing:
            remarks.append(
                f"MAPE leaves out {zeros} of {terms['mape'].numel()} steps whose true value is zero"
            )
        if constant := len(self.constant_series):
            remarks.append(f"MASE and RMSSE leave out {constant} series, constant before the first origin")
        return tuple(remarks)

    @property
    def verdict(self) -> str:
        """Whether the model is better than the best baseline, by how much, and how certain that is."""
        metric, other = METRICS[self.ranking], self.best_baseline
        own, best = (self.overall[name][self.ranking] for name in (self.model, other))
        origins = f"over {self.rolling.windows} origin{'s' * (self.rolling.windows > 1)}"
        if metric.format(own) == metric.format(best):
            text = (
                f"A baseline suffices here: {other} and {self.model} tie with {metric.with_article} of "
                f"{metric.format(best)} {origins}."
            )
        elif own < best:
            text = (
                f"{self.model} has {metric.with_article} of {metric.format(own)} {origins}, "
                f"{metric.gain(own, best)} the best baseline, {other} ({metric.format(best)})."
            )
        else:
            text = (
                f"A baseline suffices here: {other} has {metric.with_article} of {metric.format(best)} "
                f"{origins}, {metric.gain(best, own)} {self.model} ({metric.format(own)})."
            )
        return " ".join((text, self._certainty(), *self._reservation()))

    def _reservation(self) -> tuple[str, ...]:
        """What the verdict can't show, if windows overlap the training data."""
        if not self.overlapping:
            return ()
        sentence = (
            f"But {self.overlapping} of {self.rolling.windows} windows overlap the training data: this does "
            "not show how the model forecasts new data."
        )
        return (sentence,)

    @property
    def diagnosis(self) -> str:
        """Whether the one-step residuals of the model are autocorrelated."""
        tested = self.ljung_box.drop_nulls("p_value")
        if tested.is_empty():
            return "The residuals of one step are too few for a Ljung-Box test: give more --windows."
        if tested.height == 1 and len(self.source.series) == 1:
            row = tested.row(0, named=True)
            is_correlated = row["p_value"] < SIGNIFICANT
            return (
                f"The {row['residuals']} residuals of one step have a mean of {row['mean']:.3g} and "
                f"{'are' if is_correlated else 'show no sign of being'} autocorrelated (Ljung-Box test of "
                f"{row['lags']} lags: p = {row['p_value']:.2g})."
            )
        found = int((tested["p_value"] < SIGNIFICANT).sum())
        return (
            f"The residuals of one step are autocorrelated in {found} of {tested.height} series (Ljung-Box "
            f"test, p below {SIGNIFICANT:g}; {SIGNIFICANT:.0%} of them by chance)."
        )

    def _certainty(self) -> str:
        if self.test is None:
            needed = self.rolling.overlap + 2
            if self.rolling.windows < needed:
                return f"The Diebold-Mariano test needs at least {needed} origins: give more --windows."
            return (
                "The Diebold-Mariano test does not apply: its variance is not positive, or an error missing."
            )
        is_significant = self.test.p_value < SIGNIFICANT
        return (
            f"The difference is {'' if is_significant else 'not '}significant at the {SIGNIFICANT:.0%} level "
            f"(Diebold-Mariano test, corrected for few origins: {self.test.statistic:.2f}, "
            f"p = {self.test.p_value:.2g})."
        )

    def plots(self) -> list[Plot]:
        """The figures, with their descriptions."""
        from gatewise.tasks.forecast.backtest_plots import draw_errors, draw_forecasts, draw_residuals

        figures = (draw_forecasts(self), draw_errors(self), draw_residuals(self))
        return [Plot(*about, one) for about, one in zip(FIGURES.items(), figures, strict=True)]

    def figures(self) -> dict[str, Figure]:
        """The figures by name: "forecasts", "errors" by step of the horizon, and "residuals"."""
        return {plot.name: plot.figure for plot in self.plots()}

    def plot(self, name: str | None = None) -> Figure:
        """The figure of that name, or the first."""
        return pick(self.figures(), name)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the overview."""
        others = [name for name in SHOWN if name != self.ranking]
        if len(others) == len(SHOWN):  # five fit into 80 columns
            others.remove("crps")
        return applicable_metrics([self.ranking, *others], self.levels)

    @property
    def time_format(self) -> str | None:
        """The format of times in text files, as in `strftime`."""
        return self.source.clock.written(self.table["time"])

    def overview(self) -> list[tuple[str, ...]]:
        """The metrics of the model and of each baseline in words, the best first; * marks a baseline."""
        ranked = sorted(self.overall.items(), key=lambda item: item[1][self.ranking])
        return [(name + " *" * (name != self.model), *self._formatted(scores)) for name, scores in ranked]

    def by_step(self) -> list[tuple[str, ...]]:
        """The metrics of the model at each step of the horizon, in words."""
        steps = self.scores.filter(pl.col("model") == self.model, pl.col("step").is_not_null())
        return [(str(row["step"]), *self._formatted(row)) for row in steps.iter_rows(named=True)]

    def _formatted(self, scores: Mapping[str, Any]) -> list[str]:
        values = ((metric, scores[metric.name]) for metric in self.metrics)
        return ["undefined" if value is None else metric.format(value) for metric, value in values]

    def __repr__(self) -> str:
        titles = ("model", *(metric.title for metric in self.metrics))
        sentences = (*self.remarks, *self.warnings, self.verdict, self.diagnosis)
        return "\n".join((aligned(titles, self.overview()), *sentences))

    def _repr_html_(self) -> str:
        titles = ("model", *(metric.title for metric in self.metrics))
        head = "".join(f"<th>{escape(title)}</th>" for title in titles)
        rows = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self.overview()]
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        sentences = (*self.remarks, *self.warnings, self.verdict, self.diagnosis)
        lines = "<br>".join(map(escape, sentences))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{lines}</p>"

"""A comparison: networks and baselines with their scores on the same test set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

import polars as pl

from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details, aligned
from gatewise.metrics.metric import Metric
from gatewise.modules.network import Network
from gatewise.plots.plot import Plot
from gatewise.tasks.predictions import Predictions
from gatewise.tasks.serialization import SavedModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DataT = TypeVar("DataT", covariant=True)
PredictionsT = TypeVar("PredictionsT", bound=Predictions[Network, Any], covariant=True)


class ComparedTask(Protocol):
    """The part of a task's interface that a comparison uses."""

    def applicable_metrics(self, data: Any) -> tuple[Metric, ...]: ...

    @property
    def selection_metric(self) -> Metric: ...

    def caption(self, data: Any) -> str: ...

    def details(self, predictions: Any, data: Any) -> list[Details]: ...

    def draw(self, comparison: Any) -> list[Plot]: ...


@dataclass(frozen=True)
class Result(Generic[PredictionsT]):
    """A line of the leaderboard: the mean over the trainings of one candidate.

    name: the name of the candidate
    baseline: whether it is a baseline
    scores: the metrics on the test set, by name
    std: the standard deviation of the first metric over the trainings
    trainings: the number of trainings
    parameters: the number of parameters
    seconds: the duration of one training
    validation: the cost on the validation set by which `network` was chosen, lower is better; None if there
        was no validation set
    predictions: the predictions of `network` for the test set
    """

    name: str
    baseline: bool
    scores: Mapping[str, float]
    std: float
    trainings: int
    parameters: int
    seconds: float
    validation: float | None
    predictions: PredictionsT

    @property
    def network(self) -> Network:
        """The trained network; of several trainings the one that is best on the validation set."""
        return self.predictions.network


AnyResult: TypeAlias = Result[Predictions[Network, Any]]


@dataclass(frozen=True, repr=False)
class Comparison(Generic[DataT, PredictionsT]):
    """All results, the best on the test set first.

    model: the chosen network as a saved model; None if no network was trained
    folder: of the run, if it stays; files: the description of each figure in it, by the name of its file
    """

    task: ComparedTask
    data: DataT
    results: tuple[Result[PredictionsT], ...]
    model: SavedModel | None = None
    folder: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    def chosen(self, baseline: bool) -> Result[PredictionsT] | None:
        """The network, or the baseline, with the best score on the validation set."""
        results = [result for result in self.results if result.baseline == baseline]
        return min(results, key=lambda one: inf if one.validation is None else one.validation, default=None)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that apply to the data; the first one ranks."""
        return self.task.applicable_metrics(self.data)

    @property
    def chosen_network(self) -> Result[PredictionsT]:
        """The network with the best score on the validation set, of a comparison that trained one."""
        chosen = self.chosen(baseline=False)
        assert chosen is not None
        return chosen

    @property
    def best(self) -> Result[PredictionsT]:
        """The result that is best on the test set."""
        return self.results[0]

    @property
    def table(self) -> pl.DataFrame:
        """The leaderboard as a table, the best first: a row for each network and baseline."""
        first, selection = self.metrics[0].name, self.task.selection_metric
        return pl.DataFrame(
            {
                "model": result.name,
                "baseline": result.baseline,
                **result.scores,
                f"{first}_std": result.std,
                "trainings": result.trainings,
                "parameters": result.parameters,
                "seconds": result.seconds,
                f"validation_{selection.name}": (
                    None if result.validation is None else selection.cost(result.validation)
                ),
            }
            for result in self.results
        )

    @property
    def details(self) -> list[Details]:
        """Tables about the predictions of the chosen network, for the test set."""
        chosen = self.chosen(baseline=False)
        return [] if chosen is None else self.task.details(chosen.predictions, self.data)

    def figures(self) -> dict[str, Figure]:
        """The figures of the task, by name: predictions of the chosen network on the test set."""
        return {plot.name: plot.figure for plot in self.task.draw(self)}

    def plot(self, name: str | None = None) -> Figure:
        """The figure of that name, or the first."""
        return pick(self.figures(), name)

    def _leaderboard(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """The header and the rows of the leaderboard in words."""
        titles = ("model", *(metric.title for metric in self.metrics), "parameters", "seconds")
        rows = [
            (
                result.name + " *" * result.baseline,
                *(metric.format(result.scores[metric.name]) for metric in self.metrics),
                f"{result.parameters:,}",
                f"{result.seconds:.1f}",
            )
            for result in self.results
        ]
        return titles, rows

    def __repr__(self) -> str:
        return f"{aligned(*self._leaderboard())}\n{self.task.caption(self.data)}\n{self.verdict}"

    def _repr_html_(self) -> str:
        titles, rows = self._leaderboard()
        head = "".join(f"<th>{escape(title)}</th>" for title in titles)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        note = escape(f"{self.task.caption(self.data)}. {self.verdict}")
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{note}</p>"

    @property
    def verdict(self) -> str:
        """Which candidate wins, by how much, and whether the difference exceeds that between trainings."""
        metric = self.metrics[0]
        best = self.results[0]
        other = next((result for result in self.results if result.baseline != best.baseline), None)
        value = best.scores[metric.name]
        if len(self.results) == 1:
            return f"{best.name} has {metric.with_article} of {metric.format(value)}."
        if other is None:
            side = "highest" if metric.higher_is_better else "lowest"
            return f"{best.name} has the {side} {metric.title}, {metric.format(value)}."
        other_value = other.scores[metric.name]
        if metric.format(value) == metric.format(other_value):
            baseline, network = (best, other) if best.baseline else (other, best)
            return (
                f"A baseline suffices here: {baseline.name}, the best baseline, and {network.name}, the best "
                f"network, tie with {metric.with_article} of {metric.format(value)}."
            )
        text = (
            f"{best.name} wins with {metric.with_article} of {metric.format(value)}, "
            f"{metric.gain(value, other_value)} the best {'network' if best.baseline else 'baseline'}, "
            f"{other.name} ({metric.format(other_value)})."
        )
        if abs(other_value - value) <= max(best.std, other.std):
            text += " The difference is within one standard deviation of the trainings: take them as equal."
        return f"A baseline suffices here: {text}" if best.baseline else text


def pick(figures: Mapping[str, Figure], name: str | None) -> Figure:
    """The figure of a name, or the first. Raises: `GatewiseError` if there is none."""
    if not figures or (name is not None and name not in figures):
        raise GatewiseError(
            f"there is no figure {name or ''!r}; the figures are {', '.join(figures) or 'none'}"
        )
    return figures[name] if name is not None else next(iter(figures.values()))

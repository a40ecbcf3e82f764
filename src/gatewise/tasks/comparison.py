"""A comparison: networks and baselines with their scores on the same test set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic

from gatewise.modules.network import Network
from gatewise.tasks.base import Data, Task


@dataclass(frozen=True)
class Result:
    """A line of the leaderboard: the mean over the trainings of one candidate.

    scores: by the names of the task's metrics, on the test part
    spread: the standard deviation of the first metric over the trainings; seconds: of one training
    validation: the score on the validation part by which `network` was chosen; lower is better
    """

    name: str
    baseline: bool
    scores: Mapping[str, float]
    spread: float
    trainings: int
    parameters: int
    seconds: float
    validation: float
    network: Network


@dataclass(frozen=True)
class Comparison(Generic[Data]):
    """All results, the best on the test part first."""

    task: Task[Data]
    data: Data
    results: tuple[Result, ...]

    def chosen(self, baseline: bool) -> Result | None:
        """The network, or the baseline, that the validation part speaks for; the test has no say."""
        results = [one for one in self.results if one.baseline == baseline]
        return min(results, key=lambda one: one.validation, default=None)

    def verdict(self) -> str:
        """Who won, said plainly."""
        metric = self.task.metrics[0]
        best = self.results[0]
        rival = next((one for one in self.results if one.baseline != best.baseline), None)
        value = best.scores[metric.name]
        if rival is None:
            side = "highest" if metric.higher else "lowest"
            return f"{best.name} has the {side} {metric.title}, {metric.said(value)}."
        other = rival.scores[metric.name]
        told = (
            f"{best.name} wins with {metric.with_article} of {metric.said(value)}, {metric.gain(value, other)} "
            f"the best {'network' if best.baseline else 'baseline'}, {rival.name} ({metric.said(other)})."
        )
        if abs(other - value) <= max(best.spread, rival.spread):
            told += " That is within the spread of the trainings: take them as equal."
        return f"A baseline suffices here: {told}" if best.baseline else told

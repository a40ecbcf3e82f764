"""What a model says at a step, as a user reads it: names in place of the numbers of a result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from torch import Tensor

from gatewise.data.tokenizers.streams import stream_tokenizer
from gatewise.errors import GatewiseError

MEDIAN = 0.5
NOT_FINITE = (
    "the result is not finite: look for extreme values in the observation, or a logarithm of one that is not "
    "positive"
)
Answer: TypeAlias = dict[str, Any]


class Answers(ABC):
    """Turns the results of a stepwise model into answers. names: of the numbers of a result"""

    names: list[str]

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)

    @abstractmethod
    def of(self, y: Any) -> Answer:
        """The answer of one sequence. y: its result, a tensor or an array without the batch"""

    @abstractmethod
    def columns(self, y: np.ndarray) -> dict[str, pl.Series]:
        """The columns of a table with a row for each sequence, or for each step of its horizon."""

    def require_finite(self, y: Tensor) -> None:
        """Raises: `GatewiseError` if a result is not finite."""
        if not bool(y.isfinite().all()):
            raise GatewiseError(NOT_FINITE)

    def _each(self, y: np.ndarray, form: str = "{}") -> dict[str, pl.Series]:
        """A column for each name. form: of the names of the columns"""
        return {form.format(name): pl.Series(y[:, place]) for place, name in enumerate(self.names)}


class Values(Answers):
    """Numbers by name."""

    def of(self, y: Any) -> Answer:
        return dict(zip(self.names, y.tolist(), strict=True))

    def columns(self, y: np.ndarray) -> dict[str, pl.Series]:
        return self._each(y)


class Scores(Values):
    """Numbers by name, None where there are none yet."""

    def of(self, y: Any) -> Answer:
        return {name: None if value != value else value for name, value in super().of(y).items()}

    def columns(self, y: np.ndarray) -> dict[str, pl.Series]:
        return {name: values.fill_nan(None) for name, values in super().columns(y).items()}

    def require_finite(self, y: Tensor) -> None:
        super().require_finite(y.nan_to_num(posinf=float("inf"), neginf=float("-inf")))


class Classes(Answers):
    """The most probable class, under the name of `key`, and the probability of each."""

    def __init__(self, names: Sequence[str], key: str = "label") -> None:
        super().__init__(names)
        self.key = key

    def of(self, y: Any) -> Answer:
        values = y.tolist()
        best = self.names[values.index(max(values))]
        return {self.key: best, "probabilities": dict(zip(self.names, values, strict=True))}

    def columns(self, y: np.ndarray) -> dict[str, pl.Series]:
        best = pl.Series([self.names[place] for place in y.argmax(1)])
        return {self.key: best, **self._each(y, "p({})")}


class Labels(Answers):
    """The labels whose probability reaches their threshold, and the probability of each."""

    thresholds: np.ndarray

    def __init__(self, names: Sequence[str], thresholds: Sequence[float]) -> None:
        super().__init__(names)
        self.thresholds = np.array(thresholds)

    def of(self, y: Any) -> Answer:
        values = np.asarray(y)
        each = dict(zip(self.names, values.tolist(), strict=True))
        return {"labels": self._found(values), "probabilities": each}

    def columns(self, y: np.ndarray) -> dict[str, pl.Series]:
        found = pl.Series([self._found(row) for row in y], dtype=pl.List(pl.String))
        return {"labels": found, **self._each(y, "p({})")}

    def _found(self, values: np.ndarray) -> list[str]:
        return [self.names[place] for place in np.flatnonzero(values >= self.thresholds)]


class Quantiles(Answers):
    """The steps of the horizon for each level; the target is the median. whole: whether values are counts"""

    order: list[int]

    def __init__(self, target: str, levels: Sequence[float], whole: bool) -> None:
        super().__init__([target if one == MEDIAN else f"q{one:g}" for one in levels])
        self.order = sorted(range(len(levels)), key=lambda place: levels[place] != MEDIAN)
        self.whole = whole

    def of(self, y: Any) -> Answer:
        values = np.rint(y) if self.whole else np.asarray(y)
        return {self.names[place]: values[:, place] for place in self.order}

    def columns(self, y: np.ndarray) -> dict[str, pl.Series]:
        flat = self._each(y.reshape(-1, len(self.names)))
        return {
            name: flat[name].round().cast(pl.Int64) if self.whole else flat[name]
            for name in (self.names[place] for place in self.order)
        }


def answers_of(output: Mapping[str, Any]) -> Answers:
    """The answers of a model. output: of the description of its steps"""
    match output["kind"]:
        case "quantiles":
            return Quantiles(output["target"], output["levels"], output["whole"])
        case "values":
            return Values(output["names"])
        case "scores":
            return Scores(output["names"])
        case "labels":
            return Labels(output["names"], output["thresholds"])
        case "symbols":
            tokenizer = stream_tokenizer(output["tokenizer"])
            return Classes([tokenizer.decode([one]) for one in range(len(tokenizer))], "symbol")
        case _:
            return Classes(output["names"])

"""What a model says at a step, as a user reads it: names in place of numbers of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from torch import Tensor

from gatewise.data.tokenizers.streams import stream_tokenizer
from gatewise.errors import GatewiseError

MEDIAN = 0.5
Answer = dict[str, Any]


class Answers:
    """Turns the results of a stepwise model into answers.

    output: of its description
    """

    def __init__(self, output: Mapping[str, Any]) -> None:
        self.output, self.kind = output, output["kind"]
        if self.kind == "symbols":
            tokenizer = stream_tokenizer(output["tokenizer"])
            self.names = [tokenizer.decode([number]) for number in range(len(tokenizer))]
        elif self.kind == "quantiles":
            self.names = [output["target"] if one == MEDIAN else f"q{one:g}" for one in output["levels"]]
        else:
            self.names = list(output["names"])

    def of(self, y: Tensor) -> Answer:
        """The answer of one sequence. y: a row of the result, without the batch"""
        if self.kind == "quantiles":
            horizon = self._rounded(y.numpy())
            return {name: horizon[:, place] for place, name in enumerate(self.names)}
        values: list[float] = y.tolist()
        if self.kind == "values":
            return dict(zip(self.names, values, strict=True))
        best = values.index(max(values))
        name = "symbol" if self.kind == "symbols" else "label"
        return {name: self.names[best], "probabilities": dict(zip(self.names, values, strict=True))}

    def columns(self, y: Tensor) -> dict[str, pl.Series]:
        """The columns of a table with a row for each sequence, or for each step of its horizon."""
        values = y.numpy()
        if self.kind == "quantiles":
            flat = self._rounded(values.reshape(-1, len(self.names)))
            order = sorted(range(len(self.names)), key=lambda place: self.output["levels"][place] != MEDIAN)
            return {self.names[place]: pl.Series(flat[:, place]) for place in order}
        if self.kind == "values":
            return {name: pl.Series(values[:, place]) for place, name in enumerate(self.names)}
        first = "symbol" if self.kind == "symbols" else "label"
        best = pl.Series([self.names[place] for place in values.argmax(1)])
        each = {f"p({name})": pl.Series(values[:, place]) for place, name in enumerate(self.names)}
        return {first: best, **each}

    def require_finite(self, y: Tensor) -> None:
        """Raises: `GatewiseError` if a result is not finite."""
        if not bool(y.isfinite().all()):
            raise GatewiseError(
                "the result is not finite: look for extreme values in the observation, or a logarithm of one "
                "that is not positive"
            )

    def _rounded(self, values: np.ndarray) -> np.ndarray:
        return np.rint(values) if self.output.get("whole") else values

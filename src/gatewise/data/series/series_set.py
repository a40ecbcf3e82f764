"""Series with regular steps, as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from gatewise.data.series.statics import StaticValues
from gatewise.data.series.step import Step
from gatewise.data.tables.columns import FoundColumns
from gatewise.data.times.clock import Clock


@dataclass(frozen=True)
class Series:
    """One series with regular steps.

    times: [T + F]; F steps beyond the last target, for which the known covariates are given
    target: [T] float64
    known: [T + F, C] float64, covariates known in advance
    observed: [T, D] float64, covariates known up to the present only
    categories: [C + D], the categories of each covariate by code, from 1 on; none for numbers
    filled: [T], whether the target was missing and is filled
    static: the values of the static columns, numbers or categories
    """

    id: str
    times: pl.Series
    target: np.ndarray
    known: np.ndarray
    observed: np.ndarray
    categories: tuple[tuple[str, ...], ...]
    filled: np.ndarray
    static: StaticValues = ()

    def __len__(self) -> int:
        return len(self.target)

    @property
    def given(self) -> np.ndarray:
        """The target, NaN where it was missing."""
        return np.where(self.filled, np.nan, self.target)

    def categories_of(self, place: int) -> set[str]:
        """The categories of a covariate, known or observed, that occur in this series."""
        known = self.known.shape[1]
        codes = self.known[:, place] if place < known else self.observed[:, place - known]
        return {self.categories[place][int(code) - 1] for code in np.unique(codes) if code > 0}


@dataclass(frozen=True)
class SeriesSet:
    """All series of a file, with their common step, their clock, and notes on how they were read.

    warnings: the notes on series and values that are left out
    masked: whether networks read which values are filled, and none of these is scored
    """

    series: tuple[Series, ...]
    columns: FoundColumns
    step: Step
    notes: tuple[str, ...]
    clock: Clock = field(default_factory=Clock)
    warnings: tuple[str, ...] = ()
    masked: bool = False

    def divided(self, is_kept: Callable[[Series], bool]) -> tuple[SeriesSet, list[Series]]:
        """The series that are kept, and the others."""
        flags = [is_kept(series) for series in self.series]
        kept = tuple(series for series, flag in zip(self.series, flags, strict=True) if flag)
        others = [series for series, flag in zip(self.series, flags, strict=True) if not flag]
        return replace(self, series=kept), others

    def warned(self, *sentences: str) -> SeriesSet:
        """The series with further notes on what is left out."""
        return replace(self, notes=(*self.notes, *sentences), warnings=(*self.warnings, *sentences))

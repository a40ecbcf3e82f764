"""Covariates as numbers: measured values, Booleans as 0 and 1, texts as codes of categories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from gatewise.data.series.categories import BOOLEANS, are_numbers
from gatewise.data.series.regular import Grid
from gatewise.data.tables.numbers import WHOLE_WITH_DECIMALS
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

NONE = 0  # the code of a step without a category


@dataclass(frozen=True)
class Covariate:
    """A column of a table that a network reads beside the target.

    values: [rows], NaN where one is missing; from 1 on the codes of `categories`, if there are any
    is_boolean: whether the values are 0 and 1 for two words
    """

    name: str
    values: np.ndarray
    categories: tuple[str, ...] = ()
    is_boolean: bool = False

    def on(self, grid: Grid, steps: int) -> np.ndarray:
        """The first `steps` values on a grid; only numbers are interpolated."""
        if (self.categories or self.is_boolean) and grid.fill == "linear":
            grid = grid.filled_by("forward")
        return grid.values(self.values, self.name, steps)


def read_covariate(table: Table, name: str, role: str, is_categorical: bool) -> Covariate:
    """Reads a column of numbers or Booleans, or of categories, of which an empty cell is one.

    Raises: `GatewiseError` with the place of a cell that is none of these.
    """
    if is_categorical:
        texts = category_names(table, name, role)
        names = tuple(sorted(texts.unique().to_list()))
        codes = texts.replace_strict(names, range(1, len(names) + 1), return_dtype=pl.Float64)
        return Covariate(name, codes.to_numpy(), names)
    given = table.column(name, role)
    booleans = _booleans(table.without_empty(given))
    if booleans is not None:
        return Covariate(name, booleans, is_boolean=True)
    try:
        return Covariate(name, table.numbers(name, role), is_boolean=given.dtype == pl.Boolean)
    except GatewiseError as error:
        raise GatewiseError(f"{error}; --categorical {name} reads texts") from error


def category_names(table: Table, name: str, role: str) -> pl.Series:
    """The category of each row, "" for an empty cell; whole numbers are without decimals."""
    given, texts = table.column(name, role), table.texts(name, role)
    if given.dtype.is_float():
        texts = texts.set(given.is_nan().fill_null(False), None)
    texts = texts.fill_null("")
    if given.dtype.is_numeric() or are_numbers(texts.unique()):
        return texts.str.replace(WHOLE_WITH_DECIMALS, "${1}")
    return texts


def describe_covariates(covariates: list[Covariate]) -> list[str]:
    """Notes on the columns that are read as 0 and 1, and as categories."""
    booleans = [repr(one.name) for one in covariates if one.is_boolean]
    notes = [f"read as 0 and 1: {', '.join(booleans)}"] if booleans else []
    counts = [f"{len(one.categories):,} of {one.name!r}" for one in covariates if one.categories]
    return [*notes, f"categories: {', '.join(counts)}"] if counts else notes


def _booleans(given: pl.Series) -> np.ndarray | None:
    """The cells as 0 and 1 if all are one of two words, or null; None for any other column."""
    if given.dtype != pl.String:
        return None
    texts = given.str.to_lowercase()
    found = set(texts.drop_nulls().unique().to_list())
    words = next((pair for pair in BOOLEANS if found and found <= set(pair)), None)
    if words is None:
        return None
    return texts.replace_strict(words, (0.0, 1.0), return_dtype=pl.Float64).to_numpy()

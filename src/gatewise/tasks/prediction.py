"""The predictions for new data, as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import polars as pl
import polars.selectors as cs

from gatewise.errors import GatewiseError
from gatewise.modules.finite import ADVICE


@dataclass(frozen=True)
class Prediction:
    """The predictions for new data.

    frame: the predictions as a table
    about: a phrase that describes them
    text_column: the column to write to a .txt file, a line for each row; None if only a table makes sense
    time_format: the format of times
    warnings: sentences on data without a prediction, or that the model does not know
    values: what is predicted for each example, for data in memory that are no table; None for the table
    """

    frame: pl.DataFrame
    about: str
    text_column: str | None = None
    time_format: str | None = None
    warnings: tuple[str, ...] = ()
    values: Sequence[object] | None = None

    def __post_init__(self) -> None:
        """Raises: `GatewiseError` if a number is not finite."""
        require_finite(self.frame)

    def _repr_html_(self) -> str:
        return f"{self.frame._repr_html_()}<p>{escape(self.about)}</p>"


def require_finite(frame: pl.DataFrame) -> None:
    """Checks a table of predictions.

    Raises: `GatewiseError` if a number is not finite.

    >>> require_finite(pl.DataFrame({"id": ["a"], "p": [0.5]}))
    >>> require_finite(pl.DataFrame({"id": ["a"]}))
    """
    floats = frame.select(cs.float())
    if not floats.width or all(floats.select(pl.all().is_finite().all()).row(0)):
        return
    for column in floats:
        invalid = (~column.is_finite()).fill_null(False).arg_true()
        if len(invalid):
            raise GatewiseError(
                f"the prediction of {column.name!r} is {column[invalid[0]]} in row {invalid[0] + 1}: "
                f"look for extreme values in the data, or {ADVICE}"
            )

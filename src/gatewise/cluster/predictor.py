"""A saved model as a function from a table of Arrow to one, as engines on several machines apply it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from gatewise.estimators.base import Estimator
from gatewise.estimators.batches import NUMBER, columns_together
from gatewise.estimators.loading import load
from gatewise.tasks.serialization import load_model

MODELS = 4  # that a process keeps loaded


class Predictor:
    """Predicts tables of whole series, or of examples in rows; then predictions stand beside the rows.

    folder: of a saved model, which every machine can read; it is loaded once in each process
    """

    folder: str
    together: tuple[str, ...]

    def __init__(self, folder: Path | str) -> None:
        self.folder = str(Path(folder).resolve())
        self.together = columns_together(load_model(self.folder))

    def predicted(self, table: Any) -> Any:
        """A table of Arrow with the predictions of one."""
        rows = pl.DataFrame(table)
        found = _loaded(self.folder).prediction(rows).frame
        if not self.together:
            found = found.drop(NUMBER, strict=False)
            found = pl.concat([rows.drop(found.columns, strict=False), found], how="horizontal")
        return found.to_arrow(compat_level=pl.CompatLevel.oldest())


@lru_cache(maxsize=MODELS)
def _loaded(folder: str) -> Estimator:
    return load(folder)

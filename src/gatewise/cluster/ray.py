"""Predictions of a Ray dataset: `gatewise.cluster.ray.predict(dataset, "run")`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gatewise.cluster.predictor import Predictor

ROWS = 10_000  # of a batch of examples in rows
PIECES = 4  # of the series, for each worker


def predict(dataset: Any, folder: Path | str, *, workers: int = 1, rows: int = ROWS) -> Any:
    """Predicts a `ray.data.Dataset`, on all machines of its cluster.

    dataset: a table with the columns of the model's data; rows of a series may be anywhere in it
    folder: of a saved model, at the same path on every machine
    workers: the processes that predict side by side
    rows: of a batch, where each row is an example

    Returns: a dataset of the predictions, not computed yet. Examples in rows keep their own columns.

    Raises: `GatewiseError` if the model reads a table as a whole.

    >>> sales = ray.data.read_parquet("sales/")  # doctest: +SKIP
    >>> predict(sales, "run", workers=8).write_parquet("forecasts/")  # doctest: +SKIP
    """
    from ray.data import TaskPoolStrategy

    predictor = Predictor(folder)
    shared = {"batch_format": "pyarrow", "compute": TaskPoolStrategy(size=workers)}
    if predictor.together:
        series = dataset.groupby([*predictor.together], num_partitions=PIECES * workers)
        return series.map_groups(predictor.predicted, **shared)
    return dataset.map_batches(predictor.predicted, batch_size=rows, **shared)

"""Predictions of a Spark table: `gatewise.cluster.spark.predict(frame, "run")`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatewise.cluster.predictor import Predictor
from gatewise.errors import GatewiseError


def predict(frame: Any, folder: Path | str) -> Any:
    """Predicts a `pyspark.sql.DataFrame`, on all machines of its cluster.

    frame: a table with the columns of the model's data; rows of a series may be anywhere in it
    folder: of a saved model, at the same path on every machine

    Returns: a table of the predictions, not computed yet; only its first series is predicted at once, for its
        columns. Examples in rows keep their own columns.

    Raises: `GatewiseError` if the model reads a table as a whole, or the table has no rows.

    >>> predict(spark.read.parquet("sales/"), "run").write.parquet("forecasts/")  # doctest: +SKIP
    """
    import pyarrow as pa
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    predictor = Predictor(folder)
    schema = from_arrow_schema(predictor.predicted(_example(frame, predictor.together)).schema)
    own = to_arrow_schema(schema)  # which has other types of texts than polars

    def of_series(table: Any) -> Any:
        return predictor.predicted(table).cast(own)

    def of_batches(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            yield from of_series(pa.Table.from_batches([batch])).to_batches()

    if predictor.together:
        return frame.groupBy(*predictor.together).applyInArrow(of_series, schema)
    return frame.mapInArrow(of_batches, schema)


def _example(frame: Any, together: tuple[str, ...]) -> Any:
    """The rows of one series, or one row."""
    first = frame.limit(1).toArrow()
    if not first.num_rows:
        raise GatewiseError("the Spark table has no rows to predict")
    if not together:
        return first
    chosen = frame
    for name in together:
        chosen = chosen.where(frame[name].eqNullSafe(first[name][0].as_py()))
    return chosen.toArrow()

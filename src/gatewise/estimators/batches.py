"""Predictions for data larger than memory: Parquet in, Parquet out, batch by batch, restartable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from gatewise.data.tables.parquet_folder import find_parquet_files
from gatewise.data.tables.row_batches import open_batches
from gatewise.errors import GatewiseError
from gatewise.estimators.base import Estimator
from gatewise.estimators.outputs import require_output
from gatewise.estimators.reporting import reported
from gatewise.files import remove_partials, write_whole
from gatewise.plain import read_json
from gatewise.tasks.serialization import SavedModel
from gatewise.training.lock import locked

PROGRESS = "batches.json"  # what has been written, beside the predictions
ROWS = 100_000
NUMBER = "sequence"  # the column of predictions that counts rows where there are no ids


def predict_in_batches(
    model: Estimator, data: Path | str, out: Path | str, *, rows: int = ROWS, progress: bool = True
) -> pl.LazyFrame:
    """Predicts a table larger than memory, and writes the predictions as a folder of Parquet files.

    The same call continues after an interruption. The rows of a series follow each other in the table, and
    are predicted together.

    model: a fitted model
    data: a Parquet file, or a folder of them
    out: the folder to write, new or of the same predictions
    rows: of a batch, about; a series with more rows is a batch of its own
    progress: whether progress and warnings are printed

    Returns: the predictions, as a table that is not read yet.

    Raises: `GatewiseError` if the data are no such table, or the folder holds other files.

    >>> import gatewise
    >>> model = gatewise.load("run")  # doctest: +SKIP
    >>> gatewise.predict_in_batches(model, "sales.parquet", "forecasts").collect()  # doctest: +SKIP
    """
    if not isinstance(rows, int) or rows < 1:
        raise GatewiseError(f"expected rows as a whole number from 1, got {rows!r}")
    data, out = Path(data), Path(out)
    together = columns_together(model.model_)
    require_output(out, "a folder", data=data)
    batches = open_batches(data, together)
    with locked(out):
        remove_partials(out)
        written = _Written(out, _identity(model.model_, data, rows))
        with reported(progress, type(model).tasks[0].options) as callback:
            callback.begin("predict")
            warned: set[str] = set()
            for first, batch in batches.after(written.rows, rows):
                prediction = model.prediction(batch)
                for sentence in prediction.warnings:
                    if sentence not in warned:
                        callback.warn(sentence)
                    warned.add(sentence)
                frame = prediction.frame if together else _counted_from(prediction.frame, first)
                written.add(frame, batch.height)
                done = written.rows
                callback.progress(done / batches.height, f"{done:,} of {batches.height:,} rows")
    return written.table()


def columns_together(model: SavedModel) -> tuple[str, ...]:
    """The columns whose rows a model reads together; none if each row is an example.

    Raises: `GatewiseError` if it reads a table as a whole, or no table.
    """
    preprocessing = model.preprocessing
    form = preprocessing.get("form")
    columns = (form if isinstance(form, Mapping) else preprocessing).get("columns")
    if preprocessing.get("reconciliation") and _is_hierarchy(columns):
        raise GatewiseError("forecasts that add up need all series at once: predict the table as a whole")
    if isinstance(columns, list | tuple):  # of texts, one in each row
        return ()
    if isinstance(columns, Mapping):
        if columns.get("wide") == "rows":
            return ()
        if columns.get("wide") is None and columns.get("id") is not None:
            targets = columns.get("target_source")
            source = columns.get("id_source") or (columns["id"],)
            return tuple(source[:-1]) if targets else tuple(source)
    raise GatewiseError(
        f"a model of the task {model.task!r} can be applied in batches if it was trained on a table with a "
        "column that identifies series (--id), or with an example in each row; predict the data as a whole"
    )


def _is_hierarchy(columns: Any) -> bool:
    return isinstance(columns, Mapping) and bool(columns.get("hierarchy"))


def _counted_from(frame: pl.DataFrame, first: int) -> pl.DataFrame:
    """Predictions whose examples are counted through all batches, not through their own."""
    if NUMBER not in frame.columns:
        return frame
    number = pl.col(NUMBER)
    return frame.with_columns((number.cast(pl.Int64) + first).cast(frame.schema[NUMBER]).alias(NUMBER))


def _identity(model: SavedModel, data: Path, rows: int) -> dict[str, Any]:
    """What the predictions in a folder depend on."""
    digest = hashlib.sha256(json.dumps(dict(model.preprocessing), sort_keys=True, default=str).encode())
    for name, values in sorted(model.for_use.network.state_dict().items()):
        digest.update(name.encode())
        digest.update(values.contiguous().cpu().numpy().tobytes())
    return {"task": model.task, "model": digest.hexdigest(), "data": _listing(data), "rows": rows}


def _listing(data: Path) -> list[list[Any]]:
    """The files of a table by name, size and time; to read all of them would take too long."""
    files = find_parquet_files(data) if data.is_dir() else [data]
    return [[one.name, (status := one.stat()).st_size, status.st_mtime_ns] for one in files]


class _Written:
    """The predictions that are in a folder: a file for each batch, and how far they reach.

    A file whose batch is not noted is written again.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder, self._identity = folder, dict(identity)
        self.rows, self.parts = 0, 0
        note = folder / PROGRESS
        if note.is_file():
            self._continue(read_json(note))
        elif any(one.suffix == ".parquet" for one in folder.iterdir()):
            raise GatewiseError(
                f"{str(folder)!r} has Parquet files of something else; give another folder as out"
            )

    def _continue(self, noted: Any) -> None:
        match noted:
            case {"of": dict(of), "rows": int(rows), "parts": int(parts)} if of == self._identity:
                self.rows, self.parts = rows, parts
            case _:
                raise GatewiseError(
                    f"{str(self.folder)!r} has predictions of another model, of other data or in other "
                    "batches; give another folder as out"
                )

    def add(self, frame: pl.DataFrame, rows: int) -> None:
        """Writes the predictions of the next rows."""
        write_whole(self._part(self.parts), frame.write_parquet)
        self.rows, self.parts = self.rows + rows, self.parts + 1
        text = json.dumps({"of": self._identity, "rows": self.rows, "parts": self.parts})
        write_whole(self.folder / PROGRESS, lambda path: path.write_text(text, encoding="utf-8"))

    def table(self) -> pl.LazyFrame:
        """All predictions."""
        return pl.scan_parquet([self._part(number) for number in range(self.parts)], glob=False)

    def _part(self, number: int) -> Path:
        return self.folder / f"part-{number:05}.parquet"

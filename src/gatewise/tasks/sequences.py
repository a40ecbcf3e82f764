"""What tasks of whole sequences have in common: data in memory, and tables of predictions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from gatewise.data.memory.arrays import Layout, array_like, is_arrays, write_sequences
from gatewise.data.memory.frames import is_frame
from gatewise.data.memory.images import is_clips, is_images
from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.tables.joined_id import id_columns
from gatewise.errors import GatewiseError
from gatewise.tasks.base import DataT, NetworkT, OptionsT, PredictionsT, Task


class SequenceTask(Task[DataT, OptionsT, NetworkT, PredictionsT]):
    """A task whose examples are sequences: arrays, or tables and files with a row for each step."""

    stream_ending = ".csv"
    accepted_data = "arrays [N, T, C], lists of arrays [T, C], or a table or file with a row for each step"

    def accepts(self, data: object) -> bool:
        return super().accepts(data) or self.are_sequences(_array_like(data))

    def are_sequences(self, data: object) -> bool:
        """Whether arrays are sequences for this task."""
        return is_arrays(data)

    def write_arrays(
        self, arrays: object, y: object, folder: Path, layout: Layout, **annotations: Any
    ) -> tuple[Path, dict[str, Any]]:
        """Writes arrays as `write` does. annotations: `weights` and `groups`, one value for each sequence"""
        return write_sequences(arrays, y, folder, layout, **annotations)

    def write(self, data: object, y: object, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        arrays = _array_like(data)
        if not self.are_sequences(arrays):
            return super().write(data, y, folder, layout)
        return self.write_arrays(arrays, y, folder, layout)

    def write_annotated(
        self, data: object, y: object, annotations: Mapping[str, Any], folder: Path, layout: Layout
    ) -> tuple[Path, dict[str, Any]]:
        arrays = _array_like(data)
        if not self.are_sequences(arrays):
            raise GatewiseError(
                "sample weights and groups are given beside arrays only; for a table, name their columns by "
                "`weight` and `group`"
            )
        return self.write_arrays(arrays, y, folder, layout, **annotations)


def are_no_images(data: object) -> bool:
    """Whether data are arrays of sequences, and neither images nor clips, which other classifiers read."""
    return is_arrays(data) and not is_images(data) and not is_clips(data)


def table_of_sequences(
    table: SequenceTable, columns: LongColumns | None, predicted: Mapping[str, pl.Series]
) -> pl.DataFrame:
    """A row for each sequence: its id, in the columns of the data, and what was predicted.

    columns: of the data, which name the ids; None for an archive
    """
    found = columns or LongColumns()
    ids = id_columns(table.ids, found.id or "sequence", found.id_source)
    named = {"sequence" if name in predicted else name: cells for name, cells in ids.items()}
    return pl.DataFrame({**named, **predicted})


def _array_like(data: object) -> Any:
    return data if isinstance(data, str | Path) or is_frame(data) else array_like(data)

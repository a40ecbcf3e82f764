"""Sequences of a long table, and a text for each: in a table of its own, or in a column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from gatewise.data.labels.part_files import part_named
from gatewise.data.sequences.sequences import Sequences, SequenceTable
from gatewise.data.series.scaling import Scale
from gatewise.data.tables.row_numbers import is_unnamed
from gatewise.data.text.pairs import read_text_table
from gatewise.errors import GatewiseError


class Signals:
    """The sequences of a table, by number.

    scales: of the channels
    """

    def __init__(self, table: SequenceTable, scales: tuple[Scale, ...]) -> None:
        self.table = table
        self._rows = Sequences(table, range(len(table)), [0] * len(table), scales)

    @property
    def steps(self) -> np.ndarray:
        """[N], the length of each."""
        return self.table.sizes

    @property
    def channels(self) -> int:
        """C, the numbers of a step."""
        return len(self.table.channels)

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """[B, T, C], scaled, zero beyond the lengths [B]."""
        batch = self._rows.__getitems__(list(numbers))
        return batch.values, torch.as_tensor(batch.lengths)


def texts_of_column(table: SequenceTable) -> list[str]:
    """The text of each sequence, which is the label of all its rows.

    Raises: `GatewiseError` with the line of a row that has another.
    """
    assert table.labels is not None
    firsts = table.labels[table.offsets[:-1]]
    other = table.labels != np.repeat(firsts, table.sizes)
    if other.any():
        row = int(other.argmax())
        which = int(np.searchsorted(table.offsets, row, side="right")) - 1
        raise GatewiseError(
            f"{table.path}, {table.place(row)}: sequence {table.ids[which]!r} has the text "
            f"{table.classes[table.labels[row]]!r}, and {table.classes[firsts[which]]!r} above; "
            "all rows of a sequence hold its text, or give a table of texts as --targets"
        )
    return [table.classes[number] for number in firsts]


def texts_of_table(path: Path, ids: Sequence[str], part: str | None = None) -> tuple[list[str], list[str]]:
    """The text of each of the ids, and which part it is in, from a table with a row for each.

    The first column holds the ids, the last one the texts; part: a column of parts, None where all are ""

    Raises: `GatewiseError` if an id is not there, is there twice, or has no text.
    """
    table = read_text_table(path)
    columns = [name for name in table.columns if name != part and not is_unnamed(name)] or table.columns
    if len(columns) == 1:
        raise GatewiseError(f"{path}: expected a column of ids and one of texts, got {columns[0]!r} only")
    id, text = columns[0], columns[-1]
    parts = (
        [""] * table.frame.height
        if part is None
        else table.column(part, "part").cast(pl.String, strict=False).to_list()
    )
    found: dict[str, tuple[str, str]] = {}
    for row, (name, value) in enumerate(table.frame.select(id, text).iter_rows()):
        where, key = f"{path}, {table.place(row)}", str(name).strip()
        if key in found:
            raise GatewiseError(f"{where}: there is a text for {key!r} above")
        if value is None or not str(value).strip():
            raise GatewiseError(f"{where}: the text for {key!r} is empty")
        found[key] = (str(value), "" if part is None else part_named(parts[row], where))
    for name in ids:
        if name not in found:
            raise GatewiseError(f"{path} has no text for the sequence {name!r}; give a row for each")
    return [found[name][0] for name in ids], [found[name][1] for name in ids]

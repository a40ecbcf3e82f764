"""Sequences of a long table, and the text of each, from a column or from another table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from gatewise.data.sequences.sequences import Sequences, SequenceTable
from gatewise.data.series.scaling import Scale
from gatewise.data.splits import set_named
from gatewise.data.tables.row_numbers import is_unnamed
from gatewise.data.text.pairs import read_text_table
from gatewise.errors import GatewiseError


class Signals:
    """The sequences of a table, scaled.

    Where missing values are masked, a step has `[v, m, ln(1 + s)]`: its values, filled by those before them,
    which of them were observed, and the steps since the last observed ones (Che et al. 2018).
    """

    def __init__(self, table: SequenceTable, scales: tuple[Scale, ...]) -> None:
        self.table = table
        self._rows = Sequences(table, range(len(table)), [0] * len(table), scales)

    @property
    def lengths(self) -> np.ndarray:
        """[N], the length of each sequence."""
        return self.table.sizes

    @property
    def channels(self) -> int:
        """C, the numbers of a step."""
        return len(self.channel_names)

    @property
    def channel_names(self) -> list[str]:
        """The names of the numbers of a step."""
        names = list(self.table.channels)
        if not self.table.masked:
            return names
        return [*names, *(f"{one} observed" for one in names), *(f"{one} since" for one in names)]

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """[B, T, C], scaled, zero beyond the lengths [B]."""
        batch = self._rows.__getitems__(list(numbers))
        values = batch.values
        if batch.gaps is not None:
            assert batch.gaps.observed is not None
            assert batch.gaps.since is not None
            values = torch.cat([values, batch.gaps.observed, batch.gaps.since.log1p()], dim=-1)
        return values, torch.as_tensor(batch.lengths)


def texts_of_column(table: SequenceTable) -> list[str]:
    """The text of each sequence, which all its rows have as their label.

    Raises: `GatewiseError` with the line of a row that has another text.
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
            "give all rows of a sequence its text, or give a table of texts as --targets"
        )
    return [table.classes[number] for number in firsts]


def texts_of_table(
    path: Path, ids: Sequence[str], split_column: str | None = None
) -> tuple[list[str], list[str]]:
    """The text of each id, and the name of its set, from a table with a row for each id.

    The first column has the ids, the last one the texts. Without a `split_column`, the names are "".

    Raises: `GatewiseError` if an id is missing or duplicate, or has no text.
    """
    table = read_text_table(path)
    columns = [name for name in table.columns if name != split_column and not is_unnamed(name)]
    columns = columns or table.columns
    if len(columns) == 1:
        raise GatewiseError(f"{path}: expected a column of ids and one of texts, got {columns[0]!r} only")
    id, text = columns[0], columns[-1]
    sets: list[str | None] | None = None
    if split_column is not None:
        sets = table.column(split_column, "name of the set").cast(pl.String, strict=False).to_list()
    found: dict[str, tuple[str, str]] = {}
    for row, (name, value) in enumerate(table.frame.select(id, text).iter_rows()):
        where, key = f"{path}, {table.place(row)}", str(name).strip()
        if key in found:
            raise GatewiseError(f"{where}: a row above has a text for {key!r}, too; keep one")
        if value is None or not str(value).strip():
            raise GatewiseError(f"{where}: the text for {key!r} is empty; write it, or remove its sequence")
        found[key] = (str(value), "" if sets is None else set_named(sets[row], where))
    for name in ids:
        if name not in found:
            raise GatewiseError(f"{path} has no text for the sequence {name!r}; give a row for each sequence")
    return [found[name][0] for name in ids], [found[name][1] for name in ids]

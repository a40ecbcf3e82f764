"""Long tables with a label in each row, split and ready; and read again as a model learned to read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.labels.channel_steps import ChannelSteps
from gatewise.data.labels.labelled import (
    CHANCE,
    PREDICTED,
    LabelledSteps,
    learn_labels,
    shown_labels,
    unknown_label,
)
from gatewise.data.labels.part_files import part_files, to_test
from gatewise.data.labels.pieces import (
    Pieces,
    assigned,
    cut,
    describe_parts,
    in_time,
    nothing,
    usual_cut,
    whole,
)
from gatewise.data.sequences.long_table import Fill, LongColumns, read_long
from gatewise.data.sequences.plausible import require_classes, require_steps
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.series.scaling import Scale
from gatewise.data.tables.table import read_table


@dataclass(frozen=True)
class TableForm:
    """How a model reads a long table.

    columns: by role; labels: the names, by number; scales: of the channels
    most: steps of a piece at most, 0 for whole sequences; validation_share, test_share: of one file
    """

    columns: LongColumns
    fill: Fill | None
    labels: tuple[str, ...]
    scales: tuple[Scale, ...]
    most: int
    validation_share: float
    test_share: float

    @property
    def shares(self) -> dict[str, float]:
        return {"validation": self.validation_share, "test": self.test_share}

    def numbers(self, table: SequenceTable) -> np.ndarray:
        """The labels of a table by number. Raises: `GatewiseError` with the line of an unknown one."""
        known = {name: number for number, name in enumerate(self.labels)}
        numbers = np.array([known.get(name, -1) for name in table.classes])
        assert table.labels is not None
        found = numbers[table.labels]
        if (found < 0).any():
            row = int((found < 0).argmax())
            raise unknown_label(
                f"{table.path}, {table.place(row)}", table.classes[table.labels[row]], self.labels
            )
        return found

    def steps(self, table: SequenceTable, pieces: Pieces) -> ChannelSteps:
        """Pieces of a table, with their labels where it has some."""
        labels = None if table.labels is None else self.numbers(table)
        return ChannelSteps(table.values, labels, self.scales, pieces, table.place)

    def again(self, path: Path, same: bool) -> LabelledSteps:
        """A table to score a model on: the test part of what it was trained on (`same`), or all of another.

        Raises: `GatewiseError` with the place in the file, also of a label that the model does not know.
        """
        if same:
            tables, _ = _tables(path, self.columns, self.fill)
            offsets = {part: table.offsets for part, table in tables.items()}
            return _labelled(self, tables, assigned(str(path), offsets, self.shares, self.most))
        table, _ = read_long(to_test(path), self.columns, fill=self.fill)
        test = self.steps(table, cut(whole(table.offsets), self.most))
        note = f"all of {table.path}: {len(table):,} sequences ({len(table.values):,} steps)"
        return LabelledSteps(self, self.labels, None, test.part(nothing()), test, (note,))

    def new(self, path: Path) -> NewTable:
        """A table without labels, or whose labels are not looked at. Raises: `GatewiseError`."""
        columns = replace(self.columns, label=None)
        table, _ = read_long(to_test(path), columns, labelled=False, fill=self.fill)
        return NewTable(table, self.steps(table, cut(whole(table.offsets), self.most)))


@dataclass(frozen=True)
class NewTable:
    """A table to label."""

    table: SequenceTable
    steps: ChannelSteps
    lines = None

    def told(self, labels: Sequence[str], chances: Sequence[float]) -> pl.DataFrame:
        """The rows of the file as they stand there, without empty ones, and the label of each."""
        assert self.table.lines is not None
        given = read_table(self.table.path)
        rows = given.frame.filter(pl.Series(np.isin(given.row_lines, self.table.lines)))
        order = np.argsort(self.table.lines)
        told = {PREDICTED: np.array(labels)[order], CHANCE: np.round(np.array(chances)[order], 4)}
        return rows.with_columns(**{name: pl.Series(values) for name, values in told.items()})


def read_labelled_table(
    path: Path, columns: LongColumns, fill: Fill | None, most: int, validation_share: float, test_share: float
) -> LabelledSteps:
    """A table, or a folder of tables for each part, and what a model must know to read others like it.

    columns: those that are named; the others are recognised; most: steps of a piece, 0 finds a number

    Raises: `GatewiseError` with the place in the file; if there is one label only, or too little.
    """
    tables, found = _tables(path, columns, fill)
    tables["train"] = first = require_steps(tables["train"])
    names = learn_labels(str(path), (table.classes for table in tables.values()))
    require_classes(str(path), names, sum(len(table.values) for table in tables.values()), "steps")
    most = most or usual_cut(first.offsets)
    shares = {"validation": validation_share, "test": test_share}
    parts = assigned(str(path), {part: one.offsets for part, one in tables.items()}, shares, most)
    pieces = parts["train"][1]
    ends = np.stack([pieces.starts, pieces.starts + pieces.sizes], axis=1)
    scales = SequenceTable("", first.values, ends.flatten(), (), first.channels).scales(
        range(0, ends.size, 2)
    )
    form = TableForm(found, fill, names, scales, most, validation_share, test_share)
    return _labelled(form, tables, parts)


def _tables(
    path: Path, columns: LongColumns, fill: Fill | None
) -> tuple[dict[str, SequenceTable], LongColumns]:
    files = part_files(path)
    first, found = read_long(files.pop("train"), columns, fill=fill)
    return {
        "train": first,
        **{part: read_long(one, found, fill=fill)[0] for part, one in files.items()},
    }, found


def _labelled(
    form: TableForm, tables: dict[str, SequenceTable], parts: dict[str, tuple[str, Pieces]]
) -> LabelledSteps:
    sources = {part: form.steps(table, whole(table.offsets)) for part, table in tables.items()}
    sets = {part: sources[source].part(pieces) for part, (source, pieces) in parts.items()}
    first = tables["train"]
    in_order = in_time(first.offsets)
    pieces = f"pieces of at most {form.most} steps" if form.most else "sequences"
    notes = (
        *first.notes,
        f"{len(form.labels)} labels: {shown_labels(form.labels)}",
        describe_parts(
            {part: one.pieces for part, one in sets.items()}, pieces, len(tables) < 3 and not in_order
        )
        + (", each sequence divided in time" if in_order else ""),
    )
    return LabelledSteps(form, form.labels, sets["train"], sets["validation"], sets["test"], notes)

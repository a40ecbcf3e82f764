"""Long tables with a label in each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs

from gatewise.data.labels.channel_steps import ChannelSteps
from gatewise.data.labels.labelled import (
    PREDICTED,
    PROBABILITY,
    LabelledSteps,
    LabelPreprocessing,
    learn_labels,
    list_labels,
    unknown_label,
)
from gatewise.data.labels.segments import (
    Segments,
    assign_segments,
    cut_segments,
    default_max_length,
    describe_sets,
    is_split_in_time,
    no_segments,
    select_sets,
    whole_sequences,
)
from gatewise.data.labels.set_files import find_set_files, find_test_file
from gatewise.data.sequences.gaps import GapKind, TimeUnit, gap_kind
from gatewise.data.sequences.irregular import with_known_times, with_learned_times
from gatewise.data.sequences.long_table import LongColumns, read_long
from gatewise.data.sequences.missing import MaskedFill
from gatewise.data.sequences.plausible import require_classes, require_steps
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.series.scaling import Scale
from gatewise.data.splits import Fractions
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.table import read_table


@dataclass(frozen=True, kw_only=True)
class TablePreprocessing(LabelPreprocessing):
    """How a model reads a long table.

    columns: by role; fill: how missing values are filled; scales: of the channels
    unit_of_time: of the elapsed times that the network reads; None if it reads none
    """

    columns: LongColumns
    fill: MaskedFill | None
    scales: tuple[Scale, ...]
    unit_of_time: TimeUnit | None = None

    @property
    def gaps(self) -> GapKind:
        """What the network reads beside the values."""
        return gap_kind(self.fill, self.unit_of_time)

    def numbers(self, table: SequenceTable) -> np.ndarray:
        """The labels of a table by number. Raises: `GatewiseError` with the line of an unknown one."""
        assert table.labels is not None
        found = self.numbers_of(table.classes)[table.labels]
        if (found < 0).any():
            row = int((found < 0).argmax())
            raise unknown_label(
                f"{table.path}, {table.place(row)}", table.classes[table.labels[row]], self.labels
            )
        return found

    def steps(self, table: SequenceTable, segments: Segments) -> ChannelSteps:
        """Segments of a table, with their labels if it has some."""
        labels = None if table.labels is None else self.numbers(table)
        return ChannelSteps(with_known_times(table, self.unit_of_time), labels, self.scales, segments)

    def read(self, path: Path, trained: bool) -> LabelledSteps:
        if trained:
            tables, _ = _read_tables(path, self.columns, self.fill)
            sets = assign_segments(path, tables, self.fractions, self.max_length)
            return _labelled(self, tables, sets)
        table, _ = read_long(find_test_file(path), self.columns, fill=self.fill)
        test = self.steps(table, cut_segments(whole_sequences(table.offsets), self.max_length))
        note = f"all of {table.path}: {len(table):,} sequences ({len(table.values):,} steps)"
        empty = test.with_segments(no_segments())
        return LabelledSteps(self, empty, empty, test, (note,))

    def read_unlabelled(self, path: Path) -> UnlabelledTable:
        columns = replace(self.columns, label=None)
        table, _ = read_long(find_test_file(path), columns, labelled=False, fill=self.fill)
        segments = cut_segments(whole_sequences(table.offsets), self.max_length)
        return UnlabelledTable(table, self.steps(table, segments), columns.dialect)


@dataclass(frozen=True)
class UnlabelledTable:
    """A table to label."""

    table: SequenceTable
    steps: ChannelSteps
    dialect: Dialect
    text_column = None

    def with_labels(self, labels: Sequence[str], probabilities: Sequence[float]) -> pl.DataFrame:
        """The rows of the file, without empty ones, in their order, with the predicted label of each."""
        assert self.table.lines is not None
        given = read_table(self.table.path, self.dialect)
        rows = given.frame.filter(pl.Series(np.isin(given.row_lines, self.table.lines)))
        order = np.argsort(self.table.lines)
        rounded = np.round(np.array(probabilities)[order], 4)
        return rows.with_columns(cs.float().fill_nan(None)).with_columns(
            pl.Series(PREDICTED, np.array(labels)[order]), pl.Series(PROBABILITY, rounded)
        )

    def by_sequence(self, frame: pl.DataFrame) -> list[list[str]]:
        assert self.table.lines is not None
        sequence = np.repeat(np.arange(len(self.table)), np.diff(self.table.offsets))
        numbers = pl.Series("sequence", sequence[np.argsort(self.table.lines)])
        grouped = pl.DataFrame([numbers, frame[PREDICTED]]).group_by("sequence", maintain_order=True)
        labels: list[list[str]] = grouped.agg(PREDICTED)[PREDICTED].to_list()
        return labels


def read_labelled_table(
    path: Path,
    columns: LongColumns,
    *,
    fill: MaskedFill | None,
    irregular: bool = False,
    max_length: int,
    fractions: Fractions,
) -> LabelledSteps:
    """Reads a table, or a folder with a table for each set, and learns the preprocessing.

    columns: those that are given; the others are recognized; irregular: whether networks read elapsed times
    max_length: of a segment, 0 for the default

    Raises: `GatewiseError` with the place in the file, or if there is only one label or too little data.
    """
    tables, found = _read_tables(path, columns, fill)
    tables["train"] = first = require_steps(tables["train"])
    names = learn_labels(str(path), (table.classes for table in tables.values()))
    require_classes(str(path), names, sum(len(table.values) for table in tables.values()), "steps")
    max_length = max_length or default_max_length(first.offsets)
    sets = assign_segments(path, tables, fractions, max_length)
    if irregular:
        own = sets["train"][1]
        tables["train"] = first = with_learned_times(first, own.slices())
    preprocessing = TablePreprocessing(
        columns=found,
        fill=fill,
        labels=names,
        scales=_learn_scales(first, sets["train"][1]),
        max_length=max_length,
        fractions=fractions,
        unit_of_time=first.unit_of_time,
    )
    return _labelled(preprocessing, tables, sets)


def _learn_scales(table: SequenceTable, segments: Segments) -> tuple[Scale, ...]:
    """The scales of the channels over some segments: those of every second of the ranges between borders."""
    borders = np.stack([segments.starts, segments.starts + segments.sizes], axis=1).flatten()
    ranges = SequenceTable(table.path, table.values, borders, (), table.channels)
    return ranges.scales(range(0, borders.size, 2))


def _read_tables(
    path: Path, columns: LongColumns, fill: MaskedFill | None
) -> tuple[dict[str, SequenceTable], LongColumns]:
    files = find_set_files(path)
    first, found = read_long(files.pop("train"), columns, fill=fill)
    others = {name: read_long(one, found, fill=fill)[0] for name, one in files.items()}
    return {"train": first, **others}, found


def _labelled(
    preprocessing: TablePreprocessing,
    tables: dict[str, SequenceTable],
    assigned: Mapping[str, tuple[str, Segments]],
) -> LabelledSteps:
    sets = select_sets(preprocessing.steps, tables, assigned)
    first, max_length = tables["train"], preprocessing.max_length
    in_time = is_split_in_time(first.offsets)
    kind = f"segments of at most {max_length} steps" if max_length else "sequences"
    sizes = {name: one.segments for name, one in sets.items()}
    notes = (
        *first.notes,
        f"{len(preprocessing.labels)} labels: {list_labels(preprocessing.labels)}",
        describe_sets(sizes, kind, drawn=len(tables) < 3 and not in_time)
        + (", each sequence split in time" if in_time else ""),
    )
    return LabelledSteps(preprocessing, sets["train"], sets["validation"], sets["test"], notes)

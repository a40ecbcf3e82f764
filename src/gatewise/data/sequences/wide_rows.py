"""Wide tables of sequences: each row has a whole sequence, with a column for each step."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.opening import data_suffix
from gatewise.data.sequences.long_columns import LongColumns, find_column, wanted_role
from gatewise.data.sequences.long_table import Numbering, read_pieces, with_ids
from gatewise.data.sequences.missing import MaskedFill, with_filled
from gatewise.data.sequences.number_columns import NumberColumns
from gatewise.data.sequences.sequence_columns import SequenceColumns
from gatewise.data.sequences.sequences import SequenceTable, sort_names
from gatewise.data.sequences.spool import Spool
from gatewise.data.sequences.step_columns import find_numbered, find_steps
from gatewise.data.tables.decoding import open_table
from gatewise.data.tables.joined_id import describe_id
from gatewise.data.tables.names import name_some
from gatewise.data.tables.table import Table, column_names
from gatewise.errors import GatewiseError

FEWEST = 8  # numbered columns by which rows are found to be sequences
UCR_NAME = re.compile(r".*_(TRAIN|TEST)\.tsv", re.IGNORECASE)
VALUE = "value"  # the name of the one channel
MAX_LINE = 1 << 22  # bytes of a first line


def find_wide(path: Path, given: LongColumns) -> LongColumns | None:
    """The columns of a table whose rows are certainly sequences; None for any other table.

    They are if the user names the layout; if the file is one of the UCR archive, NAME_TRAIN.tsv with the
    class in its first column and no header; or if there are at least eight columns with consecutive numbers,
    no column of times, and each row of the file has an id of its own.
    """
    if given.wide is not None:
        return given
    if _is_ucr(path, given):
        dialect = replace(given.dialect, header=False)
        label = None if given.targets or given.multilabel else "1"
        return replace(given, dialect=dialect, wide="rows", label=label)
    names = column_names(path, given.dialect)
    if (
        given.time is not None
        or given.channels
        or given.split_column
        or not len(find_numbered(names)) >= FEWEST
    ):
        return None
    left = [name for name in names if name not in find_numbered(names)]
    if find_column(left, "time") is not None:
        return None
    id = given.id or find_column(left, "id")
    return replace(given, id=id, wide="rows") if id is None or _all_differ(path, given, id) else None


def read_wide(
    path: Path, columns: LongColumns, labelled: bool, fill: MaskedFill | None, numeric: bool = False
) -> tuple[SequenceTable, LongColumns]:
    """Reads a wide table, whose sequences have one channel; a row may have empty cells at its end.

    columns: `channels` are those of the steps; by default those with consecutive numbers, or else all others
    labelled: whether a column of labels is needed, or one of targets if `numeric`; fill: of empty cells

    Raises: `GatewiseError` with the line of a cell that can't be read.
    """
    if columns.time is not None:
        raise GatewiseError(f"{path}: the columns of a wide table are its steps; leave --time out")
    rows: _WideRows | None = None
    for piece in read_pieces(path, columns.dialect):
        columns, piece = with_ids(columns, piece)
        rows = rows or _WideRows(piece, columns, labelled, fill, numeric)
        rows.add(piece)
    if rows is None:
        raise GatewiseError(f"{path} has no rows below its header; give a table with rows")
    return rows.table(path), rows.columns


class _WideRows:
    """The rows of a wide table read so far, on disk."""

    def __init__(
        self, first: Table, given: LongColumns, labelled: bool, fill: MaskedFill | None, numeric: bool
    ) -> None:
        self.fill = fill
        self.describe_form = partial(replace(first, frame=first.frame.clear()).describe_form, given.dialect)
        roles = _recognize(first, given, labelled, numeric)
        self.steps = find_steps(first, roles)
        numbered = not given.channels and bool(find_numbered(self.steps))
        self.columns = replace(
            roles,
            channels=() if numbered else tuple(self.steps),
            first_step=self.steps[0] if numbered else None,
            dialect=given.dialect.resolved(first.has_header),
        )
        self.values, self.labels, self.lines = Spool(1), Numbering(), Spool(1, np.int64)
        self.numbers = NumberColumns(self.steps, "step")
        self.sizes: list[int] = []
        self.ids: list[str] = []
        self.classes: list[np.ndarray] = []
        self.repeated = SequenceColumns(roles)
        self.unit, self.has_header, self.filled = first.unit, first.has_header, 0
        taken = {*roles.taken, *self.steps}
        self.unused = [name for name in first.columns if name not in taken]

    def add(self, piece: Table) -> None:
        """Adds the rows of a piece. Raises: `GatewiseError` with the line of a cell that can't be read."""
        cells = np.stack([self.numbers.numbers(piece, name) for name in self.steps], axis=1)
        known = ~np.isnan(cells)
        sizes = np.where(known.any(1), cells.shape[1] - known[:, ::-1].argmax(1), 0)
        if not sizes.all():
            raise GatewiseError(
                f"{piece.path}, {piece.place(int((sizes == 0).argmax()))} has no values; remove it"
            )
        inside = np.arange(cells.shape[1]) < sizes[:, None]
        missing = inside & ~known
        if missing.any() and self.fill is None:
            row, step = np.argwhere(missing)[0]
            raise GatewiseError(
                f"{piece.path}, {piece.place(int(row))}, column {self.steps[step]!r} is empty: give a "
                "number, or --fill forward"
            )
        numbers = np.arange(len(self.sizes), len(self.sizes) + len(cells))
        self.repeated.add(piece, numbers)
        if self.columns.label is not None:
            self.classes.append(self.labels.numbers(piece.filled_texts(self.columns.label, "label")))
        id = self.columns.id
        self.ids += piece.filled_texts(id, "id").to_list() if id else [str(one + 1) for one in numbers]
        self.values.add(cells[inside][:, None])
        self.lines.add(np.repeat(piece.row_lines, sizes)[:, None])
        self.sizes += sizes.tolist()
        self.filled += int(missing.sum())

    def table(self, path: Path) -> SequenceTable:
        """The sequences. Raises: `GatewiseError` if two rows have one id."""
        self.numbers.check(path)
        ids = pl.Series(self.ids)
        if ids.is_duplicated().any():
            again = ids.filter(ids.is_duplicated())[0]
            raise GatewiseError(
                f"{path}: two rows have the id {again!r}; --id COLUMN names another column, and a table "
                "with a row for each step is no wide one"
            )
        names, order = sort_names(tuple(self.labels.seen))
        labels = np.repeat(order[np.concatenate(self.classes)], self.sizes) if self.classes else None
        table = SequenceTable(
            str(path),
            self.values.values(),
            np.cumsum([0, *self.sizes]),
            tuple(self.ids),
            (VALUE,),
            labels,
            names,
            self.lines.values()[:, 0],
            self._notes(),
            self.unit,
            has_header=self.has_header,
            **self.repeated.fields(),
        )
        return with_filled(table, self.fill, self.filled, "empty cells")

    def _notes(self) -> tuple[str, ...]:
        roles = self.columns
        key = describe_id(roles.id, roles.id_source) if roles.id else "its number"
        unused = f"; not used: {name_some(self.unused)}" if self.unused else ""
        steps = f"its steps are the columns {self.steps[0]!r} to {self.steps[-1]!r}"
        note = f"each row is a sequence, identified by {key}{roles.describe_targets()}; {steps}{unused}"
        return (*self.describe_form(), note, *self.numbers.notes(roles.dialect.missing))


def _recognize(table: Table, given: LongColumns, labelled: bool, numeric: bool) -> LongColumns:
    """The columns by role. Raises: `GatewiseError` if one is missing, or no label or target is found."""
    wanted = wanted_role(given, numeric)
    for role, name in (
        ("id", given.id),
        ("label", given.label),
        ("weight", given.weight),
        ("group", given.group),
        *((wanted, name) for name in given.targets),
        *(("step", name) for name in given.channels),
    ):
        if name is not None:
            table.column(name, role)
    taken = {*given.taken, *given.channels, *find_numbered(table.columns)}
    left = [name for name in table.columns if name not in taken]
    id = given.id or find_column(left, "id")
    found = (given.targets[0] if given.targets else None) if numeric else given.label
    found = found or find_column([name for name in left if name != id], wanted)
    if labelled and found is None:
        others = ", ".join(name for name in left if name != id)
        among = f" among {others}" if others else ""
        raise GatewiseError(
            f"{table.path} has no column with the name of a {wanted}{among}, beside its steps; name one with "
            f"--{wanted}{_unnamed(table, wanted)}"
        )
    targets = given.targets or ((found,) if numeric and found else ())
    label = None if numeric else found
    return replace(
        given, id=id, label=label if labelled else None, targets=targets if labelled else (), wide="rows"
    )


def _unnamed(table: Table, wanted: str) -> str:
    """The end of a message on a table without a header, whose labels or targets are usually at an end."""
    if table.has_header:
        return ""
    count = len(table.columns)
    return f"; without names, the columns are 1 to {count}: it may be --{wanted} 1 or --{wanted} {count}"


def _is_ucr(path: Path, given: LongColumns) -> bool:
    """Whether a file is one of the UCR archive, in which all cells of the first row are numbers."""
    is_named = UCR_NAME.fullmatch(path.name) and data_suffix(path) == ".tsv"
    if not is_named or given.dialect.header is not None or given.id or given.label:
        return False
    with open_table(path, given.dialect.encoding) as file:
        cells = file.readline(MAX_LINE).split(b"\t")
    try:
        return len([float(cell) for cell in cells]) > 2
    except ValueError:
        return False


def _all_differ(path: Path, given: LongColumns, id: str) -> bool:
    """Whether no two rows of a file have the same id."""
    seen: set[str | None] = set()
    for rows in read_pieces(path, given.dialect):
        _, piece = with_ids(given, rows)
        ids = piece.texts(id, "id").to_list()
        if len(seen) + len(ids) != len(seen.union(ids)):
            return False
        seen.update(ids)
    return bool(seen)

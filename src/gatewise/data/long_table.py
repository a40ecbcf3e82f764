"""Sequences from a long table: a row for each step, read a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from gatewise.data.columns import ID_NAMES, TIME_NAMES
from gatewise.data.sequences import SequenceTable, in_order
from gatewise.data.spool import Spool
from gatewise.data.table import Table, check_header, read_table, separator
from gatewise.errors import GatewiseError

ROWS_AT_ONCE = 1 << 17
LABEL_NAMES = ("label", "class", "target", "category", "y")
Fill = Literal["forward"]


@dataclass(frozen=True)
class LongColumns:
    """Columns by role; those that are not named are recognised. `channels` () means all that are left."""

    id: str | None = None
    time: str | None = None
    label: str | None = None
    channels: tuple[str, ...] = ()


def read_long(
    path: Path, given: LongColumns, labelled: bool = True, fill: Fill | None = None
) -> tuple[SequenceTable, LongColumns]:
    """The sequences of a CSV or Parquet file, and the columns that were found.

    The values go to disk piece by piece, so the file may be larger than memory. Rows of a sequence need
    not be together, nor in the order of time.

    labelled: whether there must be a column of labels; fill: how to fill empty cells

    Errors: `GatewiseError` with the line of a cell that is no number, or of a time that comes twice.
    """
    found: LongColumns | None = None
    ids = _Names()
    classes = _Names()
    spool: Spool | None = None
    which, times, labels = [], [], []
    for table in _pieces(path):
        if found is None:
            found = _recognise(table, given, labelled)
            spool = Spool(len(found.channels))
        assert spool is not None
        spool.add(np.stack([table.numbers(name, "channel") for name in found.channels], axis=1))
        which.append(ids.numbers(_text(table, str(found.id), "id")))
        if found.time is not None:
            times.append(_times(table, found.time))
        if found.label is not None:
            labels.append(classes.numbers(_text(table, found.label, "label")))
    assert found is not None
    assert spool is not None
    values = spool.values()
    first = 1 if path.suffix.lower() in (".parquet", ".pq") else 2
    all_ids = np.concatenate(which)
    order = np.lexsort((np.concatenate(times), all_ids)) if times else np.argsort(all_ids, kind="stable")
    lines = order + first
    if (order != np.arange(len(order))).any():
        values = _reordered(values, order)
    offsets = np.searchsorted(all_ids[order], np.arange(len(ids.seen) + 1))
    names, numbers = in_order(tuple(classes.seen))
    table_of = SequenceTable(
        str(path),
        values,
        offsets,
        tuple(ids.seen),
        found.channels,
        numbers[np.concatenate(labels)[order]] if labels else None,
        names,
        lines,
        (_told(found),),
    )
    if times:
        _check_times(table_of, np.concatenate(times)[order], str(found.time))
    return _filled(table_of, fill), found


class _Names:
    """Numbers for names, in the order in which they are met."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def numbers(self, names: pl.Series) -> np.ndarray:
        unique = names.unique(maintain_order=True).to_list()
        for name in unique:
            self.seen.setdefault(name, len(self.seen))
        return names.replace_strict(
            unique, [self.seen[one] for one in unique], return_dtype=pl.Int64
        ).to_numpy()


def _pieces(path: Path) -> Iterator[Table]:
    """The table piece by piece; each knows the lines its rows stand in."""
    if path.suffix.lower() in (".parquet", ".pq") or not path.is_file():
        whole = read_table(path)
        for start in range(0, whole.frame.height, ROWS_AT_ONCE):
            yield replace(
                whole, frame=whole.frame[start : start + ROWS_AT_ONCE], first_line=whole.first_line + start
            )
        return
    try:
        lazy = pl.scan_csv(path, infer_schema=False, separator=separator(path))
        check_header(path, lazy.collect_schema().names(), first_line=2)
        start = 2
        for frame in lazy.collect_batches(chunk_size=ROWS_AT_ONCE):
            yield Table(str(path), frame.rename(str.strip), start)
            start += frame.height
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        reason = "it is not in UTF-8" if "utf" in str(error).lower() else str(error).strip().split("\n")[0]
        raise GatewiseError(f"{path} can't be read as a table: {reason}") from error
    if start == 2:
        raise GatewiseError(f"{path} has no rows below its header")


def _recognise(table: Table, given: LongColumns, labelled: bool) -> LongColumns:
    """The columns by role. Errors: `GatewiseError` where one is not there or two could be meant."""
    roles = {"id": given.id, "time": given.time, "label": given.label}
    for role, name in roles.items():
        if name is not None:
            table.column(name, role)
    for name in given.channels:
        table.column(name, "channel")
    taken = {*given.channels, *(name for name in roles.values() if name)}
    usual = {"id": ID_NAMES, "time": TIME_NAMES, "label": LABEL_NAMES}
    for role in ("id", "time", "label"):
        left = [name for name in table.columns if name not in taken and name.lower() in usual[role]]
        if roles[role] is None and left and (role != "label" or labelled):
            roles[role] = left[0]
            taken.add(left[0])
    for role in ("id", *(["label"] if labelled else [])):
        if roles[role] is None:
            raise GatewiseError(
                f"{table.path}: no column is called like a{'n' if role == 'id' else ''} {role} among "
                f"{', '.join(table.columns)}; name it with --{role} COLUMN"
            )
    channels = given.channels or tuple(name for name in table.columns if name not in taken)
    if not channels:
        raise GatewiseError(f"{table.path} has no column of values beside {', '.join(sorted(taken))}")
    return LongColumns(roles["id"], roles["time"], roles["label"], channels)


def _text(table: Table, name: str, role: str) -> pl.Series:
    values = table.column(name, role).cast(pl.String).str.strip_chars()
    empty = values.is_null() | (values == "")
    if empty.any():
        place = table.place(int(empty.arg_max() or 0))
        raise GatewiseError(f"{table.path}, {place}, column {name!r} is empty: give the {role}")
    return values


def _times(table: Table, name: str) -> np.ndarray:
    """Times as numbers: they are numbers, or dates as 2024-01-31 or 2024-01-31T12:00."""
    given = table.column(name, "time")
    if given.dtype.is_temporal():
        return given.cast(pl.Datetime("us")).cast(pl.Int64).to_numpy().astype(np.float64)
    text = given.cast(pl.String).str.strip_chars()
    values = text.cast(pl.Float64, strict=False)
    if values.null_count():
        dated = text.str.to_datetime(strict=False, time_unit="us").cast(pl.Float64)
        values = dated if dated.null_count() < values.null_count() else values
    if values.null_count():
        row = int(values.is_null().arg_max() or 0)
        raise GatewiseError(
            f"{table.path}, {table.place(row)}, column {name!r}: expected a number or a date like "
            f"2024-01-31, got {given[row]!r}"
        )
    return values.to_numpy()


def _reordered(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    spool = Spool(values.shape[1])
    for start in range(0, len(order), ROWS_AT_ONCE):
        spool.add(values[order[start : start + ROWS_AT_ONCE]])
    return spool.values()


def _check_times(table: SequenceTable, times: np.ndarray, name: str) -> None:
    same = np.diff(times) == 0
    same[table.offsets[1:-1] - 1] = False  # from one sequence to the next
    if same.any():
        row = int(same.argmax())
        raise GatewiseError(
            f"{table.path}: {table.place(row)} and {table.place(row + 1)} give the same {name} "
            "for one sequence"
        )


def _filled(table: SequenceTable, fill: Fill | None) -> SequenceTable:
    """The table without empty cells. Errors: `GatewiseError` with the first where none are to be filled."""
    spool: Spool | None = None
    for start in range(0, len(table.values), ROWS_AT_ONCE):
        rows = np.isnan(table.values[start : start + ROWS_AT_ONCE])
        if rows.any():
            row, column = np.argwhere(rows)[0]
            if fill is None:
                raise GatewiseError(
                    f"{table.path}, {table.place(start + int(row))}, column {table.channels[column]!r} "
                    "is empty: give a number, or --fill forward"
                )
            spool = Spool(len(table.channels))
            break
    if spool is None:
        return table
    for first, last in zip(table.offsets[:-1], table.offsets[1:], strict=True):
        frame = pl.from_numpy(np.asarray(table.values[first:last])).fill_nan(None)
        spool.add(
            frame.fill_null(strategy="forward").fill_null(strategy="backward").fill_null(0.0).to_numpy()
        )
    return replace(table, values=spool.values(), notes=(*table.notes, "empty cells take the value before"))


def _told(found: LongColumns) -> str:
    order = f"column {found.time!r}" if found.time else "the order of their rows"
    label = f", the label is {found.label!r}" if found.label else ""
    channels = ", ".join(found.channels[:6]) + (" ..." if len(found.channels) > 6 else "")
    return (
        f"sequences are told apart by column {found.id!r}, their steps by {order}{label}; "
        f"{len(found.channels)} channels: {channels}"
    )

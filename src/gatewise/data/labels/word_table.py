"""Tables with a word and its label in each row, and a column that identifies the sentence; or with lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.data.labels.tagged import LABEL_NAMES, TOKEN_NAMES, TaggedText
from gatewise.data.sequences.long_columns import NAMES
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.joined_id import describe_id, find_id_source, with_joined_id
from gatewise.data.tables.table import Table, column_names, read_table
from gatewise.errors import GatewiseError

SENTENCE_NAMES = ("sentence", "sentence_id", "sentence #", "sent", "sent_id", *NAMES["id"])


@dataclass(frozen=True)
class WordColumns:
    """The columns by role; those that are None are recognized by name.

    dialect: how the table is written; unused: the columns without a role
    id_source: the columns that the id is made from; None if it is one column
    """

    id: str | None = None
    token: str | None = None
    label: str | None = None
    dialect: Dialect = field(default_factory=Dialect)
    unused: tuple[str, ...] = ()
    id_source: tuple[str, ...] | None = None


def find_word_columns(path: Path, given: WordColumns) -> WordColumns | None:
    """The columns of a table of words; None if no column has words.

    Raises: `GatewiseError` if a column is missing.
    """
    names = column_names(path, given.dialect)
    is_number = given.token is not None and given.token.isdecimal() and given.token not in names
    given = replace(given, token=None) if is_number else given  # of a column of a text
    token = given.token or _find(names, TOKEN_NAMES, given)
    if token is None:
        return None
    table = _read(path, given.dialect, token)
    if not table.has_texts(token):
        if given.token is not None:
            raise GatewiseError(f"{path}, column {token!r}: expected words as tokens, got numbers")
        return None
    found = replace(given, token=token, id_source=find_id_source(table, given.id))
    table = with_joined_id(_with_filled_ids(table, found.id_source), found.id, found.id_source)
    found = replace(found, id=given.id or _find(table.columns, SENTENCE_NAMES, found))
    found = replace(found, label=given.label or _find(names, LABEL_NAMES, found))
    for role, name in (("id", found.id), ("label", found.label)):
        if name is None:
            kind = "sentences" if role == "id" else "labels"
            raise GatewiseError(
                f"{path} has words in column {token!r}, but none of the columns {', '.join(names)} has the "
                f"name of a column of {kind}; name it with --{role} COLUMN"
            )
        table.column(name, role)
    taken = (found.id, found.token, found.label, *(found.id_source or ()))
    return replace(found, unused=tuple(name for name in names if name not in taken))


def read_word_table(path: Path, columns: WordColumns, labelled: bool = True) -> TaggedText:
    """Reads a table of words whose columns are known.

    An id that is empty, as in all rows but the first of a sentence, is that of the row above; of several
    columns, only those that follow a filled one must be filled, too.

    Raises: `GatewiseError` with the line of an empty token or label, of a first row without an id, or of an
    id that occurs in two places.
    """
    table = _with_filled_ids(_read(path, columns.dialect, str(columns.token)), columns.id_source)
    table = with_joined_id(table, columns.id, columns.id_source)
    tokens = table.filled_texts(str(columns.token), "token")
    labels = table.filled_texts(str(columns.label), "label").to_list() if labelled else None
    return TaggedText(
        str(path),
        tokens.to_list(),
        labels,
        _sentences(table, str(columns.id)),
        table.row_lines,
        table.columns.index(str(columns.token)) + 1,
        table.columns.index(str(columns.label)) + 1 if labelled else None,
        tabs=False,
        notes=table.file_notes,
    )


def describe_columns(columns: WordColumns) -> str:
    """The roles of the columns in a sentence."""
    unused = f"; not used: {', '.join(map(repr, columns.unused))}" if columns.unused else ""
    sentences = describe_id(columns.id, columns.id_source)
    return (
        f"sentences are identified by {sentences}, tokens are in column {columns.token!r}, labels in column "
        f"{columns.label!r}{unused}"
    )


def rows_with_labels(
    text: TaggedText, columns: WordColumns, names: tuple[str, str], values: tuple[Sequence[str], np.ndarray]
) -> pl.DataFrame:
    """The rows of the table of a text with two more columns, by their names."""
    frame = _read(Path(text.path), columns.dialect, str(columns.token)).frame
    return frame.with_columns(pl.Series(name, column) for name, column in zip(names, values, strict=True))


def _read(path: Path, dialect: Dialect, token: str) -> Table:
    """The table with a row for each word; a row with lists of words and labels makes a row for each of them.

    token: the column of words

    Raises: `GatewiseError` with the row of lists of different lengths.
    """
    table = read_table(path, dialect)
    words = table.column(token, "token")
    if not isinstance(words.dtype, pl.List):
        return table
    frame, counts = table.frame, words.list.len().fill_null(0)
    lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
    for name in lists:
        own = frame[name].list.len().fill_null(0)
        differ = own != counts
        if differ.any():
            row = int(differ.arg_max() or 0)
            raise GatewiseError(
                f"{path}, {table.place(row)}: {counts[row]} words in column {token!r} and "
                f"{own[row]} in column {name!r}; give as many"
            )
    if _find(frame.columns, SENTENCE_NAMES, WordColumns(token=token)) is None:
        frame = frame.with_row_index(SENTENCE_NAMES[0], 1)
    there = counts > 0
    return replace(
        table,
        frame=frame.filter(there).explode(lists),
        lines=np.repeat(table.row_lines, counts.to_numpy()),
        notes=(*table.notes, f"each row is a sentence, with lists of words in column {token!r}"),
    )


def _with_filled_ids(table: Table, source: tuple[str, ...] | None) -> Table:
    """The table with the ids of several columns from the rows above where they are empty.

    Raises: `GatewiseError` if the first row lacks one, or a row has one but not that of a later column.
    """
    above = pl.Series([True] + [False] * (table.frame.height - 1))  # whether an earlier column is filled
    filled = []
    for name in source or ():
        cells = table.texts(name, "id")
        lacking = cells.is_null() & above
        if lacking.any():
            place = table.place(int(lacking.arg_max() or 0))
            raise GatewiseError(f"{table.path}, {place}, column {name!r} is empty: give the id")
        above |= cells.is_not_null()
        filled.append(cells.forward_fill())
    return replace(table, frame=table.frame.with_columns(filled))


def _sentences(table: Table, column: str) -> np.ndarray:
    """[S + 1]: the first row of each sentence, and the number of rows."""
    ids = table.texts(column, "id").forward_fill()
    if ids[0] is None:
        raise GatewiseError(f"{table.path}, {table.place(0)}, column {column!r} is empty: give the id")
    begins = (ids != ids.shift(1)).fill_null(True)
    first = begins.arg_true()
    repeated = ids.gather(first).is_duplicated()
    if repeated.any():
        name = ids[int(first.filter(repeated)[0])]
        again = int((ids.gather(first) == name).arg_true()[1])
        raise GatewiseError(
            f"{table.path}, {table.place(int(first[again]))}: sentence {name!r} has rows above, before those "
            "of another sentence; put the rows of a sentence together, or name another column with --id"
        )
    return np.append(first.to_numpy(), len(ids)).astype(np.int64)


def _find(names: Sequence[str], usual: Sequence[str], given: WordColumns) -> str | None:
    """The column with the most usual of the names that has no other role."""
    taken = (given.id, given.token, given.label)
    found = [name for name in names if name.strip().lower() in usual and name not in taken]
    return min(found, key=lambda name: usual.index(name.strip().lower()), default=None)

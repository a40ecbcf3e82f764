"""The columns of a table that contain the two texts of a pair."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from gatewise.data.tables.columns import ID_NAMES
from gatewise.data.tables.row_numbers import USUAL, counts_rows, is_unnamed
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

SOURCES, TARGETS = ("source", "src", "input"), ("target", "tgt", "trg", "output", "translation")
IDS = (*ID_NAMES, *USUAL, "key", "uid", "uuid", "guid", "pair_id", "sentence_id")
NUMBER = r"^\s*[-+]?[\d.,:/TZ+-]*\d[\d.,:/TZ %eE+-]*\s*$"  # numbers, dates and times


def pair_columns(
    table: Table, source: str | None, target: str | None
) -> tuple[tuple[str, str], tuple[str, ...]]:
    """The columns of sources and of targets, and a note on those that were found.

    A column that is not given is recognized by its name, or else is the first one with texts. Row numbers,
    ids and numbers are not texts.

    Raises: `GatewiseError` if a column is missing, or there are too few columns of texts.
    """
    for name, role in ((source, "source"), (target, "target")):
        if name is not None:
            table.column(name, role)
    if source is not None and source == target:
        raise GatewiseError(f"{table.path}: source and target are both column {source!r}; name two")
    if len(table.columns) < 2:
        raise GatewiseError(
            f"{table.path} has only one column, {table.columns[0]!r}; "
            "expected one of sources and one of targets"
        )
    if source is not None and target is not None:
        return (source, target), ()
    source = _named(table, SOURCES, other_than=target) if source is None else source
    target = _named(table, TARGETS, other_than=source) if target is None else target
    missing = (source is None) + (target is None)
    found = text_columns(table, [one for one in (source, target) if one is not None])
    if len(found) < missing:
        other = next((name for name in table.columns if name not in (source, target, *found)), "")
        kind = "row numbers" if _counts(table, other) else _describe_kind(table.frame[other])
        raise GatewiseError(
            f"{table.path}, column {other!r}: expected texts, got {kind}; name the columns of the pairs with "
            "--source and --target"
        )
    source = source if source is not None else found.pop(0)
    target = target if target is not None else found.pop(0)
    others = [
        f"{name!r}" + " (row numbers)" * _counts(table, name)
        for name in table.columns
        if name not in (source, target)
    ]
    unused = f"; not used: {', '.join(others)}" if others else ""
    return (source, target), (f"sources are column {source!r}, targets are column {target!r}{unused}",)


def source_column(table: Table) -> str:
    """The column of sources if it is not given. Raises: `GatewiseError` if no column has texts."""
    found = _named(table, SOURCES) or next(iter(text_columns(table, [])), None)
    if found is None:
        raise GatewiseError(
            f"{table.path} has no column of texts among {', '.join(map(repr, table.columns))}; "
            f"expected one called {SOURCES[0]}"
        )
    return found


def text_columns(table: Table, taken: Sequence[str]) -> list[str]:
    """The columns with texts, except those taken; ids and constants only if there are too few others."""
    texts = [name for name in table.columns if name not in taken and _holds_texts(table, name)]
    others = [name for name in texts if name.strip().lower() not in IDS and not _is_constant(table, name)]
    return others if len(others) + len(taken) >= 2 else texts


def _is_constant(table: Table, name: str) -> bool:
    """Whether a column repeats one text, such as the code of a language."""
    return table.frame.height > 1 and table.frame[name].n_unique() == 1


def _holds_texts(table: Table, name: str) -> bool:
    return not _counts(table, name) and not _describe_kind(table.frame[name])


def _counts(table: Table, name: str) -> bool:
    return is_unnamed(name) or counts_rows(name, table.frame[name])


def _describe_kind(cells: pl.Series) -> str:
    """What a column contains instead of texts; "" if it contains texts."""
    if cells.dtype not in (pl.String, pl.Null):
        return str(cells.dtype)
    texts = cells.cast(pl.String).drop_nulls().str.strip_chars()
    texts = texts.filter(texts != "")
    return "numbers" if len(texts) and bool(texts.str.contains(NUMBER).all()) else ""


def _named(table: Table, names: Sequence[str], other_than: str | None = None) -> str | None:
    return next((one for one in table.columns if one.strip().lower() in names and one != other_than), None)

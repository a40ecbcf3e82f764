"""Series of a `.tsf` file, the form of the Monash forecasting archive, as a long table.

Source: Godahewa, Bergmeir, Webb, Hyndman and Montero-Manso 2021, Monash Time Series Forecasting Archive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from gatewise.data.opening import require_file
from gatewise.data.sequences.archive_header import NO_DATA
from gatewise.data.series.time_source import unused_name
from gatewise.data.series.tsf_header import TsfHeader
from gatewise.data.tables.decoding import inner_suffix, open_table
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.table import EMPTY, Table
from gatewise.errors import GatewiseError

SUFFIX = ".tsf"
NAME, TIME, SERIES, VALUE = "series_name", "time", "series", "value"
FORMS = ("%Y-%m-%d %H-%M-%S", "%Y-%m-%d")
LONGEST_LINE = 1 << 28  # bytes


@dataclass(frozen=True)
class _Case:
    """A series as text: its attributes, its values between commas, and its line in the file."""

    line: int
    attributes: list[str]
    content: str


def is_tsf(path: Path) -> bool:
    """Whether a file is one of the Monash archive, by its ending or that of the only file in a zip archive.

    >>> is_tsf(Path("electricity.tsf")), is_tsf(Path("electricity.TSF.gz")), is_tsf(Path("electricity.csv"))
    (True, True, False)
    """
    return inner_suffix(path) == SUFFIX


def read_tsf(path: Path, dialect: Dialect) -> Table:
    """Reads a `.tsf` file as a table with a row for each value.

    Its columns are the attributes of the series, `time` and `value`; the table declares their roles. The
    times are counted in each series if the file has no frequency or no start.

    Raises: `GatewiseError` with the line where the form is violated.
    """
    require_file(path, "a .tsf file")
    replace(dialect, missing=(), encoding=None).require_default(path, "an archive of series")
    header = TsfHeader(path)
    with open_table(path, dialect.encoding) as stream:
        lines = _lines(path, stream)
        if not any(header.read(line, text) for line, text in lines):
            raise GatewiseError(f"{path} {NO_DATA.format('a .tsf')}")
        cases = [_read_case(header, line, text) for line, text in lines]
    if not cases:
        raise GatewiseError(f"{path} has no series after its @data line")
    return _table(header, cases, dialect)


def _lines(path: Path, stream: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yields the lines that are neither empty nor comments, with their numbers."""
    number = 0
    while content := stream.readline(LONGEST_LINE):
        number += 1
        if len(content) == LONGEST_LINE:
            raise GatewiseError(f"{path}, line {number} is longer than {LONGEST_LINE >> 20} MB")
        try:
            text = content.decode().strip()
        except UnicodeDecodeError as error:
            raise GatewiseError(
                f"{path}, line {number} is not in UTF-8 (byte {content[error.start]:#04x}); give its "
                "encoding, such as --encoding cp1252"
            ) from error
        if text and not text.startswith("#"):
            yield number, text


def _read_case(header: TsfHeader, line: int, text: str) -> _Case:
    """A line of data. Raises: `GatewiseError` if it has more or fewer attributes than the header."""
    *attributes, content = (part.strip() for part in text.split(":"))
    names = list(header.attributes)
    if len(attributes) != len(names):
        expected = f"{', '.join([*names, 'values'])}, separated by colons"
        raise GatewiseError(
            f"{header.path}, line {line}: expected {expected}, got {len(attributes) + 1} of these "
            f"{len(names) + 1}"
        )
    return _Case(line, attributes, content)


def _table(header: TsfHeader, cases: list[_Case], dialect: Dialect) -> Table:
    """All series as a table, whose rows have the lines of their series."""
    lists = pl.Series([case.content for case in cases]).str.split(",")
    sizes = lists.list.len().to_numpy().astype(np.int64)
    owners = np.repeat(np.arange(len(cases)), sizes)
    places = np.arange(len(owners)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    cells = lists.explode().str.strip_chars()
    values = _numbers(
        cells,
        lambda row: header.error(
            cases[owners[row]].line, f"a number or ? as value {places[row] + 1}", cells[row]
        ),
    )
    columns = {
        name: _attribute(header, cases, name, place).gather(owners)
        for place, name in enumerate(header.attributes)
        if name != header.start or header.step is None
    }
    id = NAME if NAME in columns else unused_name(columns, SERIES)
    if id not in columns:
        columns[id] = pl.Series(owners + 1).cast(pl.String)
    time, value = (unused_name(columns, name) for name in (TIME, VALUE))
    columns[time] = _times(header, cases, sizes.tolist(), places)
    columns[value] = values
    return Table(
        str(header.path),
        pl.DataFrame(columns),
        first_line=2,
        lines=np.array([case.line for case in cases])[owners],
        missing=dialect.missing,
        cells=pl.Series(places + 1),
        roles={"id": id, "time": time, "target": value},
        notes=_notes(header, sizes, values.null_count()),
    )


def _attribute(header: TsfHeader, cases: list[_Case], name: str, place: int) -> pl.Series:
    """An attribute of each series.

    Raises: `GatewiseError` with the lines of a number that is none, or of a name that occurs twice.
    """
    texts = pl.Series([case.attributes[place] for case in cases])
    if name == NAME and texts.is_duplicated().any():
        text = texts.filter(texts.is_duplicated())[0]
        first, second = (cases[row].line for row in (texts == text).arg_true()[:2])
        raise GatewiseError(f"{header.path}: line {first} and line {second} have the same {NAME} {text!r}")
    if header.attributes[name] != "numeric":
        return texts
    return _numbers(
        texts, lambda row: header.error(cases[row].line, f"a number as attribute {name!r}", texts[row])
    )


def _numbers(cells: pl.Series, error: Callable[[int], GatewiseError]) -> pl.Series:
    """Cells as numbers, null where one is empty. Raises: the error of the first row that is neither."""
    numbers = cells.cast(pl.Float64, strict=False)
    wrong = numbers.is_null() & ~cells.str.to_lowercase().is_in(EMPTY)
    if wrong.any():
        raise error(int(wrong.arg_max() or 0))
    return numbers


def _times(header: TsfHeader, cases: list[_Case], sizes: list[int], places: np.ndarray) -> pl.Series:
    """The time of each value, counted in each series where the header has no frequency or no start.

    sizes: of the series; places: the place of each value in its series

    Raises: `GatewiseError` with the line of a start that is no time, or too late.
    """
    step, start = header.step, header.start
    if step is None or start is None:
        return pl.Series(places)
    column = list(header.attributes).index(start)
    starts = [_start(header, case.line, case.attributes[column]) for case in cases]
    grids: dict[datetime, pl.Series] = {}
    for size, row in sorted(zip(sizes, range(len(cases)), strict=True), reverse=True):
        first = starts[row]
        if first not in grids:  # the longest series with this start
            try:
                grids[first] = step.grid(pl.Series([first], dtype=pl.Datetime("us")), size)
            except GatewiseError as error:
                raise GatewiseError(f"{header.path}, line {cases[row].line}: {error}") from error
    return pl.concat([grids[first].head(size) for first, size in zip(starts, sizes, strict=True)])


def _start(header: TsfHeader, line: int, text: str) -> datetime:
    """The time of the first value of a series. Raises: `GatewiseError` if it is none."""
    for form in FORMS:
        with suppress(ValueError):
            return datetime.strptime(text, form)
    raise header.error(line, f"a time like 2024-01-31 23-00-00 as {header.start}", text)


def _notes(header: TsfHeader, sizes: np.ndarray, missing: int) -> tuple[str, ...]:
    """Notes on what the header declares, and on values that contradict it."""
    notes, step = [], header.step
    if step is not None and header.start is not None:
        notes.append(f"the file has the frequency {header.frequency}: a step of {step.words}")
    else:
        lack = "@frequency" if header.frequency is None else "attribute of type date"
        notes.append(f"the file has no {lack}: times are counted in each series")
    if header.horizon is not None:
        notes.append(f"the file suggests to forecast {header.horizon} steps (--horizon {header.horizon})")
    if header.missing is False and missing:
        notes.append(f"the header declares that no value is missing, and {missing:,} are")
    if header.equal and len(set(sizes.tolist())) > 1:
        notes.append(
            f"the header declares series of equal length, and they have {sizes.min():,} to {sizes.max():,} "
            "values"
        )
    return tuple(notes)

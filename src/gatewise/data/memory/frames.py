"""Conversion of tables of any library to polars frames, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gatewise.data.memory import pandas_frames
from gatewise.errors import GatewiseError

BOOLEANS = {"true": True, "false": False}
TIME, VALUE = "time", "value"  # the columns of one series without a name


@dataclass(frozen=True)
class TableForm:
    """The library and the column types of a table, in which predictions are returned.

    library: "polars", "lazy" (a `LazyFrame`), "pandas" or "pyarrow"
    types: the polars type of each column; native: the type of each column in its own library
    """

    library: str = "polars"
    types: Mapping[str, pl.DataType] = field(default_factory=dict)
    native: Mapping[str, Any] = field(default_factory=dict)

    def renamed(self, names: Mapping[str, str]) -> TableForm:
        """The form with additional columns that have the types of known ones.

        names: the known column, by the name of the additional one
        """
        types, native = (
            {new: found[old] for new, old in names.items() if old in found} | {**found}
            for found in (self.types, self.native)
        )
        return TableForm(self.library, types, native)

    def updated(self, other: TableForm) -> TableForm:
        """The form of another table, with the types of columns that only this table has."""
        native = self.native if other.library == self.library else {}
        return TableForm(other.library, {**self.types, **other.types}, {**native, **other.native})


def is_frame(data: object) -> bool:
    """Whether the data are a polars or pandas table or series, or have Arrow's C stream interface.

    >>> is_frame(pl.DataFrame()), is_frame([1, 2])
    (True, False)
    """
    return isinstance(data, pl.DataFrame | pl.LazyFrame | pl.Series) or (
        hasattr(data, "__arrow_c_stream__") or pandas_frames.is_pandas(data)
    )


def is_table_or_path(data: object) -> bool:
    """Whether the data are a table or a path, which contain labels and name their columns."""
    return is_frame(data) or isinstance(data, str | bytes) or hasattr(data, "__fspath__")


def to_polars(data: Any) -> pl.DataFrame:
    """A table as a polars frame; a pandas index that has a name or contains times becomes a column.

    A series becomes two columns, `time` (its index, or else 0, 1, 2 ...) and its values.

    Raises: `GatewiseError` if two columns have the same name, or one has no numbers, texts or times.

    >>> to_polars(pl.DataFrame({"a": [1, 2]}).lazy()).shape
    (2, 1)
    """
    name = type(data).__name__
    if isinstance(data, pl.LazyFrame):
        data = data.collect()
    if isinstance(data, pl.DataFrame):
        return data
    if pandas_frames.is_pandas(data):
        return pandas_frames.to_polars(data)
    try:
        if is_column(data):
            values = data.detach().cpu().numpy() if hasattr(data, "detach") else data
            values = np.asarray(values) if isinstance(values, list | tuple) else values
            return one_series(data if isinstance(data, pl.Series) else pl.Series(VALUE, values))
        return pl.DataFrame(data)
    except pl.exceptions.DuplicateError as error:
        duplicate = str(error).partition('"')[2].partition('"')[0]
        raise GatewiseError(f"the {name} has two columns called {duplicate!r}; rename one") from error
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise GatewiseError(f"the {name} can't be read as a table: {error}") from error


def is_column(data: Any) -> bool:
    """Whether the data are one column: numbers, an array with one axis, or a series of a table library.

    >>> is_column(np.zeros(3)), is_column(np.zeros((3, 2))), is_column(pl.Series([1])), is_column([1, 2.5])
    (True, False, True, True)
    """
    if isinstance(data, list | tuple):
        return bool(data) and all(isinstance(one, Real) for one in data)
    if isinstance(data, np.ndarray):
        return data.ndim == 1 and data.dtype != object
    if pandas_frames.is_pandas(data):
        return bool(data.ndim == 1)
    if isinstance(data, pl.Series):
        return True
    if hasattr(data, "detach"):
        return bool(data.ndim == 1)
    return type(data).__module__.startswith("pyarrow") and not hasattr(data, "schema")


def one_series(values: pl.Series) -> pl.DataFrame:
    """Values without times as a table with the times 0, 1, 2 ..."""
    name = values.name if values.name not in ("", TIME) else VALUE
    return pl.DataFrame({TIME: np.arange(len(values)), name: values})


def form_of(data: object, path: Path) -> TableForm:
    """The form of a table that was written to a Parquet file; polars if the data are not a table."""
    types = pl.read_parquet_schema(path) if path.suffix == ".parquet" and path.is_file() else {}
    if isinstance(data, str | Path):
        return TableForm()
    library = library_of(data)
    native: dict[str, Any] = {}
    if library == "pandas":
        native = pandas_frames.native_types(data)
    elif library == "pyarrow":
        native = {one.name: one.type for one in getattr(data, "schema", ())}
    return TableForm(library, types, native)


def library_of(data: object) -> str:
    """The library of a table, as in `TableForm`.

    >>> library_of(pl.DataFrame()), library_of(pl.DataFrame().lazy())
    ('polars', 'lazy')
    """
    if isinstance(data, pl.LazyFrame):
        return "lazy"
    if pandas_frames.is_pandas(data):
        return "pandas"
    return "pyarrow" if type(data).__module__.partition(".")[0] == "pyarrow" else "polars"


def in_form(frame: pl.DataFrame, form: TableForm, times: str | None = None) -> Any:
    """A polars frame as a table in a form, with its library and column types.

    times: the format, as in `strftime`, of times that were texts

    >>> in_form(pl.DataFrame({"id": ["3"]}), TableForm("polars", {"id": pl.Int64}))["id"].to_list()
    [3]
    """
    frame = frame.with_columns(
        _restored(column, form.types[column.name], times) for column in frame if column.name in form.types
    )
    if form.library == "lazy":
        return frame.lazy()
    same = [one.name for one in frame if one.name in form.native and one.dtype == form.types.get(one.name)]
    native = {name: form.native[name] for name in same}
    if form.library == "pandas":
        return pandas_frames.from_polars(frame, native)
    return _to_arrow(frame, native) if form.library == "pyarrow" else frame


def _restored(column: pl.Series, dtype: pl.DataType, times: str | None) -> pl.Series:
    """The column in its type in the input, unless that changes a value."""
    if column.dtype == dtype or column.dtype.is_float():
        return column
    if column.dtype.is_temporal() and dtype == pl.String:
        return column.dt.to_string(times) if times is not None else column
    try:
        is_boolean = column.dtype == pl.String and dtype == pl.Boolean
        cast = column.replace_strict(BOOLEANS, return_dtype=dtype) if is_boolean else column.cast(dtype)
        text = cast.cast(pl.Int64) if dtype.is_float() and column.dtype == pl.String else cast
        is_same = any(column.equals(one.cast(column.dtype)) for one in (cast, text))
        return cast if is_same else column
    except pl.exceptions.PolarsError:
        return column


def _to_arrow(frame: pl.DataFrame, native: Mapping[str, Any]) -> Any:
    table = frame.to_arrow()
    for number, field_ in enumerate(table.schema):
        if field_.name in native and native[field_.name] != field_.type:
            cast = table.column(number).cast(native[field_.name])
            table = table.set_column(number, field_.with_type(cast.type), cast)
    return table

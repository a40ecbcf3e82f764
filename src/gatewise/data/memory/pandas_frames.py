"""Conversion of pandas 2 and 3 tables to polars frames and back, column by column, without pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta, timezone
from numbers import Real
from typing import Any

import numpy as np
import polars as pl

from gatewise.errors import GatewiseError

TIME, INDEX, VALUE = "time", "index", "value"


def is_pandas(data: object) -> bool:
    """Whether the data are a pandas `DataFrame` or `Series`."""
    kind = type(data)
    is_own = any(one.__module__.partition(".")[0] == "pandas" for one in kind.__mro__)
    return is_own and hasattr(data, "iloc") and hasattr(data, "index")


def to_polars(data: Any) -> pl.DataFrame:
    """A table, or a series with its index as times, as a polars frame.

    An index with a name, times or texts becomes a column; unnamed row numbers do not.

    Raises: `GatewiseError` if two columns have the same name, or one has no numbers, texts or times.
    """
    kind, found = type(data).__name__, {}
    for name, values in _columns(data):
        if name in found:
            raise GatewiseError(f"the {kind} has two columns called {name!r}; rename one")
        found[name] = _column(kind, name, values)
    return pl.DataFrame(list(found.values()))


def native_types(data: Any) -> dict[str, Any]:
    """The pandas type of each column of `to_polars`, by name."""
    return {name: values.dtype for name, values in _columns(data)}


def from_polars(frame: pl.DataFrame, native: Mapping[str, Any]) -> Any:
    """A polars frame as a pandas `DataFrame`. native: pandas types of some of its columns, by name"""
    import pandas as pd

    columns = {one.name: _restored(one, native.get(one.name)) for one in frame}
    return pd.DataFrame(columns, columns=frame.columns)


def _columns(data: Any) -> Iterator[tuple[str, Any]]:
    """Yields the names and values of the columns, those of the index first."""
    import pandas as pd

    is_series = data.ndim == 1
    index = data.index
    for level in range(index.nlevels):
        values, name = index.get_level_values(level), index.names[level]
        is_time = isinstance(values, pd.DatetimeIndex | pd.PeriodIndex)
        is_text = not pd.api.types.is_numeric_dtype(values.dtype)
        if name is None and not (is_time or is_text or is_series or index.nlevels > 1):
            continue
        unnamed = TIME if is_time or (is_series and index.nlevels == 1) else INDEX
        numbered = f"level_{level}" if index.nlevels > 1 and not is_time else unnamed
        yield str(numbered if name is None else name), values.to_series(index=range(len(values)))
    if is_series:
        yield str(VALUE if data.name is None else data.name), data.reset_index(drop=True)
        return
    for number, name in enumerate(data.columns):
        joined = "_".join(str(one) for one in name if one != "") if isinstance(name, tuple) else str(name)
        yield joined, data.iloc[:, number].reset_index(drop=True)


def _column(kind: str, name: str, values: Any) -> pl.Series:
    import pandas as pd

    dtype = values.dtype
    if isinstance(dtype, pd.ArrowDtype):
        return pl.Series(name, values.array.__arrow_array__())
    if isinstance(dtype, pd.CategoricalDtype):
        codes = pl.Series(values.cat.codes.to_numpy().astype(np.int64))
        categories = _column(kind, name, dtype.categories.to_series(index=range(len(dtype.categories))))
        return categories.gather(codes.set(codes < 0, None)).alias(name)
    if isinstance(dtype, pd.SparseDtype):
        return _column(kind, name, values.sparse.to_dense())
    if isinstance(dtype, pd.PeriodDtype):
        return _column(kind, name, values.dt.to_timestamp())
    if isinstance(dtype, pd.DatetimeTZDtype):
        return _zoned(name, values)
    if isinstance(dtype, np.dtype) and dtype.kind in "Mm":
        return pl.Series(name, _known_unit(values.to_numpy()))
    is_number = pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype)
    if is_number and np.dtype(getattr(dtype, "numpy_dtype", dtype)).kind in "uifb":
        return _numbers(name, values)
    return _objects(kind, name, values)


def _numbers(name: str, values: Any) -> pl.Series:
    """Numbers or booleans, null where they are missing."""
    missing = values.isna().to_numpy()
    kind = np.dtype(getattr(values.dtype, "numpy_dtype", values.dtype))
    kind = np.dtype(np.float32) if kind == np.float16 else kind
    plain = values.to_numpy(dtype=kind, na_value=kind.type(0)) if missing.any() else values.to_numpy(kind)
    column = pl.Series(name, np.ascontiguousarray(plain))
    return column.set(pl.Series(missing), None) if missing.any() else column


def _zoned(name: str, values: Any) -> pl.Series:
    """Times in their zone; local times if the zone is only an offset."""
    if _is_offset(values.dt.tz):
        return pl.Series(name, _known_unit(values.dt.tz_localize(None).to_numpy()))
    plain = _known_unit(values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
    times = pl.Series(name, plain).dt.replace_time_zone("UTC")
    try:
        return times.dt.convert_time_zone(str(values.dt.tz))
    except pl.exceptions.PolarsError:  # a zone without a name
        return times


def _is_offset(zone: object) -> bool:
    return isinstance(zone, timezone) and zone.utcoffset(None) != timedelta(0)


def _known_unit(times: np.ndarray) -> np.ndarray:
    """Times in a unit that polars supports."""
    unit = np.datetime_data(times.dtype)[0]
    return times if unit in ("ms", "us", "ns") else times.astype(f"{times.dtype.kind}8[ms]")


def _objects(kind: str, name: str, values: Any) -> pl.Series:
    """Texts, or Python objects of a type that polars supports; mixed texts and numbers become texts."""
    missing = values.isna().to_numpy()
    given = [
        None if is_missing else _plain(one)
        for one, is_missing in zip(values.astype(object), missing, strict=True)
    ]
    present = [one for one in given if one is not None]
    if all(isinstance(one, str) for one in present):
        return pl.Series(name, given, pl.String)
    if all(isinstance(one, float | int) and not isinstance(one, bool) for one in present):
        is_whole = all(isinstance(one, int) for one in present)
        given = given if is_whole else [None if one is None else float(one) for one in given]
    elif all(isinstance(one, str | Real) for one in present) and any(isinstance(one, str) for one in present):
        return pl.Series(name, [None if one is None else str(one) for one in given], pl.String)
    try:
        column = pl.Series(name, given)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        column = None
    if column is None or column.dtype == pl.Object:
        found = ", ".join(sorted({type(one).__name__ for one in present}))
        raise GatewiseError(
            f"the {kind}, column {name!r}: expected numbers, texts or times, got objects of type {found}"
        )
    return column


def _plain(value: Any) -> Any:
    """A value of NumPy as one of Python; others as they are."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.number | np.bool_ | np.str_) else value


def _restored(column: pl.Series, native: Any) -> Any:
    """A column as a pandas series of the given pandas type, if there is one."""
    import pandas as pd

    if isinstance(native, pd.PeriodDtype):
        return pd.Series(pd.PeriodIndex(pd.DatetimeIndex(column.to_numpy()), dtype=native))
    if isinstance(native, pd.ArrowDtype):
        return pd.Series(native.__from_arrow__(column.to_arrow()))
    if isinstance(native, pd.DatetimeTZDtype) and _is_offset(native.tz):
        return pd.Series(column.to_numpy()).dt.tz_localize(native.tz).astype(native)
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone:
        plain = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()
        times = pd.Series(plain).dt.tz_localize("UTC").dt.tz_convert(column.dtype.time_zone)
        return times if native is None else times.astype(native)
    if native == np.dtype(object):
        return pd.Series(column.to_list(), dtype=object)
    if column.dtype == pl.Date:
        series = pd.Series(column.cast(pl.Datetime("us")).to_numpy())
    elif column.null_count() and native is not None:
        series = pd.Series(column.to_list(), dtype=object)
    else:
        series = pd.Series(column.to_list() if column.dtype == pl.String else column.to_numpy())
    return series if native is None else series.astype(native)

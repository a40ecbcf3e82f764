"""Tables of any library: pandas, polars, pyarrow and all that exports Arrow, as polars and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from gatewise.errors import GatewiseError


def is_frame(data: object) -> bool:
    """Whether the data are a table: of polars, pandas, or anything with Arrow's C stream interface."""
    return isinstance(data, pl.DataFrame | pl.LazyFrame) or hasattr(data, "__arrow_c_stream__")


def to_polars(data: Any) -> pl.DataFrame:
    """A table as a polars frame; a named index of pandas, or one of times, becomes a column.

    >>> to_polars(pl.DataFrame({"a": [1, 2]}).lazy()).shape
    (2, 1)
    """
    if isinstance(data, pl.LazyFrame):
        return data.collect()
    if isinstance(data, pl.DataFrame):
        return data
    if _library(type(data)) == "pandas":
        return _from_pandas(data)
    try:
        return pl.DataFrame(data)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise GatewiseError(f"{type(data).__name__} can't be read as a table: {error}") from error


def like(frame: pl.DataFrame, kind: type) -> Any:
    """A polars frame as a table of the library that a type is from; as it is where that has no tables.

    >>> type(like(pl.DataFrame({"a": [1]}), str)).__name__
    'DataFrame'
    """
    library = _library(kind)
    if library == "pandas":
        return _to_pandas(frame)
    if library == "pyarrow":
        return frame.to_arrow()
    return frame


def _library(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _from_pandas(data: Any) -> pl.DataFrame:
    """Column by column over NumPy, so that pyarrow need not be installed."""
    import pandas as pd

    if isinstance(data, pd.Series):
        data = data.to_frame(data.name if data.name is not None else "value")
    if any(data.index.names) or isinstance(data.index, pd.DatetimeIndex | pd.PeriodIndex):
        names = [name if name is not None else "time" for name in data.index.names]
        data = data.reset_index(names=names)
    return pl.DataFrame([_column(str(name), data.iloc[:, place]) for place, name in enumerate(data.columns)])


def _column(name: str, values: Any) -> pl.Series:
    import pandas as pd

    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        plain = pl.Series(name, values.dt.tz_localize(None).to_numpy())
        return plain.dt.replace_time_zone(str(values.dt.tz), ambiguous="earliest")
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return pl.Series(name, values.to_numpy())
    missing = values.isna().to_numpy()
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_numeric_dtype(values.dtype):
        kind = np.dtype(getattr(values.dtype, "numpy_dtype", values.dtype))
        plain = values.to_numpy(dtype=kind if not missing.any() else np.float64, na_value=np.nan)
        return pl.Series(name, plain, nan_to_null=True) if missing.any() else pl.Series(name, plain)
    texts = values.astype(object).to_numpy()
    if not all(isinstance(one, str) for one in texts[~missing]):
        kinds = {type(one).__name__ for one in texts[~missing]}
        if kinds <= {"date", "datetime", "Timestamp"}:
            return pl.Series(name, [None if gone else one for one, gone in zip(texts, missing, strict=True)])
        texts = np.array([str(one) for one in texts], dtype=object)
    return pl.Series(
        name, [None if gone else one for one, gone in zip(texts, missing, strict=True)], pl.String
    )


def _to_pandas(frame: pl.DataFrame) -> Any:
    import pandas as pd

    return pd.DataFrame({one.name: _values(one) for one in frame}, columns=frame.columns)


def _values(column: pl.Series) -> Any:
    import pandas as pd

    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone:
        plain = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()
        return pd.Series(plain).dt.tz_localize("UTC").dt.tz_convert(column.dtype.time_zone)
    if column.dtype == pl.Date:
        return column.cast(pl.Datetime("us")).to_numpy()
    if column.dtype == pl.String:
        return column.to_list()
    return column.to_numpy()

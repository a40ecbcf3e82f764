import io

import polars as pl
import pytest

from gatewise.serving.arrow_schema import has_nested_columns

FLAT = pl.DataFrame({"a": [1.0], "b": ["x"]}).with_columns(
    c=pl.lit("k").cast(pl.Categorical), d=pl.date(2020, 1, 1), e=None
)


@pytest.mark.parametrize("is_file", [False, True])
def test_nested_columns_are_found(is_file):
    nested = {"list": pl.Series([[1.0]]), "object": pl.Series([{"x": 1}]), "array": pl.Series([[[1.0]]])}
    for name, column in {"flat": None, **nested}.items():
        table = FLAT if column is None else FLAT.with_columns(z=column)
        buffer = io.BytesIO()
        (table.write_ipc if is_file else table.write_ipc_stream)(buffer)
        assert has_nested_columns(buffer.getvalue(), is_file) == (name != "flat")


@pytest.mark.parametrize("is_file", [False, True])
def test_what_has_no_schema_is_refused(is_file):
    buffer = io.BytesIO()
    (FLAT.write_ipc if is_file else FLAT.write_ipc_stream)(buffer)
    for body in (b"", b"ARROW1", b"\xff" * 40, buffer.getvalue()[: 20 if not is_file else -30]):
        with pytest.raises(ValueError, match="no schema"):
            has_nested_columns(body, is_file)

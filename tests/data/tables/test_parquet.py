"""Parquet files: read as they are, or refused in one line, whatever the library that reads them does."""

import random
import re

import polars as pl
import pytest

from gatewise.data.tables import parquet
from gatewise.data.tables.table import read_table
from gatewise.errors import GatewiseError


def test_a_panic_is_one_line_and_leaves_nothing_in_the_terminal(tmp_path, capfd):
    far = pl.Series([1 << 30], dtype=pl.Int32).cast(pl.Date)
    with pytest.raises(GatewiseError, match=r"data.parquet can't be read as a table: out-of-range date$"):
        parquet._read(tmp_path / "data.parquet", lambda: far[0])
    assert capfd.readouterr() == ("", "")


def test_damaged_files_are_read_or_refused(tmp_path, capfd):
    pl.DataFrame(
        {"t": range(50), "x": [0.5 * one for one in range(50)], "id": ["a", "b"] * 25}
    ).write_parquet(path := tmp_path / "data.parquet")
    whole = path.read_bytes()
    generator = random.Random(0)
    refused = []
    for _ in range(80):
        damaged = bytearray(whole)
        for _ in range(generator.choice([1, 3])):
            damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        try:
            read_table(path)
        except GatewiseError as error:
            refused.append(str(error))
    assert len(refused) > 20
    assert all("data.parquet" in one and "\n" not in one for one in refused)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pl.Series([b"a"]), "column 'x': expected numbers, got Binary"),
        (pl.Series([{"a": 1}]), "column 'x': expected numbers, got Struct"),
        (pl.Series([[1.0]]), "column 'x': expected numbers, got List(Float64)"),
        (pl.Series(["a"]).cast(pl.Categorical), "column 'x': expected numbers, got Categorical"),
        (pl.Series([1]).cast(pl.Duration), "column 'x': expected numbers, got Duration"),
        (pl.Series([float("-inf")]), "row 1, column 'x': expected a number, got '-inf'"),
        (pl.Series([1e31]), "row 1, column 'x': expected a number, got '1e+31'"),
    ],
)
def test_types_that_are_not_numeric(tmp_path, values, message):
    pl.DataFrame({"x": values}).write_parquet(tmp_path / "data.parquet")
    with pytest.raises(GatewiseError, match=re.escape(message)):
        read_table(tmp_path / "data.parquet").numbers("x", "target")


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([1, 0]).cast(pl.Decimal(9, 2)),
        pl.Series([1, 0]).cast(pl.Boolean),
        pl.Series([1, 0]).cast(pl.UInt64),
        pl.Series([1, 0]).cast(pl.Int128),
        pl.Series([1, 0]).cast(pl.Float32),
        pl.Series(["1", "0 "]),
    ],
)
def test_types_that_are_numbers(tmp_path, values):
    pl.DataFrame({"x": values}).write_parquet(tmp_path / "data.parquet")
    assert read_table(tmp_path / "data.parquet").numbers("x", "target").tolist() == [1, 0]


def test_files_without_rows_or_columns(tmp_path):
    for frame, message in ((pl.DataFrame({"x": []}), "has no rows"), (pl.DataFrame(), "has no columns")):
        frame.write_parquet(tmp_path / "data.parquet")
        with pytest.raises(GatewiseError, match=message):
            read_table(tmp_path / "data.parquet")


def test_a_folder_with_an_equals_sign_names_no_column(tmp_path):
    (tmp_path / "year=2024").mkdir()
    path = tmp_path / "year=2024" / "data.parquet"
    pl.DataFrame({"x": [1]}).write_parquet(path)
    assert read_table(path).columns == ["x"]

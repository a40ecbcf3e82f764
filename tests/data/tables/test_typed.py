"""Parquet files: read as they are, or refused in one line, whatever the library that reads them does."""

import gzip
import random
import re
from datetime import date

import numpy as np
import polars as pl
import pytest

import gatewise
from gatewise.data.sequences.long_table import LongColumns, read_long
from gatewise.data.series.series import read_series
from gatewise.data.tables import typed
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.table import Table, column_names, read_table
from gatewise.data.text.pairs import read_pairs
from gatewise.errors import GatewiseError
from tests.workbooks import write_workbook


def test_a_panic_is_one_line_and_leaves_nothing_in_the_terminal(tmp_path, capfd):
    far = pl.Series([1 << 30], dtype=pl.Int32).cast(pl.Date)
    with pytest.raises(GatewiseError, match=r"data.parquet can't be read as a table: out-of-range date$"):
        typed._read(tmp_path / "data.parquet", lambda: far[0])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["data.parquet", "data.arrow"])
def test_damaged_files_are_read_or_refused(tmp_path, capfd, name):
    frame = pl.DataFrame({"t": range(50), "x": [0.5 * one for one in range(50)], "id": ["a", "b"] * 25})
    path = tmp_path / name
    frame.write_parquet(path) if name == "data.parquet" else frame.write_ipc(path)
    whole = path.read_bytes()
    generator = random.Random(0)
    refused = []
    for _ in range(80):
        damaged = bytearray(whole[: generator.choice([len(whole), generator.randrange(8, len(whole))])])
        for _ in range(generator.choice([1, 3])):
            damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        try:
            read_table(path)
        except GatewiseError as error:
            refused.append(str(error))
    assert len(refused) > 20
    assert all(name in one and "\n" not in one for one in refused)
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


def test_a_date_out_of_range_is_refused():
    table = Table("file", pl.DataFrame({"t": pl.Series([0, 1 << 30], dtype=pl.Int32).cast(pl.Date)}), 1)
    with pytest.raises(GatewiseError, match=r"^file, column 't': a time is out of range$"):
        table.texts("t", "time")


def test_a_folder_with_an_equals_sign_names_no_column(tmp_path):
    (tmp_path / "year=2024").mkdir()
    path = tmp_path / "year=2024" / "data.parquet"
    pl.DataFrame({"x": [1]}).write_parquet(path)
    assert read_table(path).columns == ["x"]


WRITERS = {
    "data.feather": pl.DataFrame.write_ipc,
    "data.ARROW": pl.DataFrame.write_ipc,
    "data.jsonl": pl.DataFrame.write_ndjson,
    "data.ndjson": pl.DataFrame.write_ndjson,
    "data.parquet": pl.DataFrame.write_parquet,
    "data[1].arrow": pl.DataFrame.write_ipc,
}


@pytest.mark.parametrize("name", WRITERS)
def test_series_sequences_and_pairs_from_typed_files(tmp_path, name):
    def write(**columns):
        with (tmp_path / name).open("wb") as file:
            WRITERS[name](pl.DataFrame(columns), file)
        return tmp_path / name

    days = pl.Series(["2024-01-30", "2024-01-31", "2024-02-01"]).str.to_date()
    assert read_series(write(date=days, y=[1.5, 2, 7])).series[0].target.tolist() == [1.5, 2, 7]
    found, _ = read_long(write(id=["a", "a", "b"], time=[2, 1, 1], x=[5, 6, 7], label="uuv"), LongColumns())
    assert found.values[:].tolist() == [[6], [5], [7]]
    assert found.place(0) == "row 2"
    pairs = read_pairs(write(de=["der Hund"], en=["the dog"]))
    assert (pairs.sources[0], pairs.targets[0]) == ("der Hund", "the dog")


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_lines_in_any_encoding(tmp_path, compress, encoding):
    path = tmp_path / ("data.jsonl" if compress is bytes else "data.jsonl.gz")
    path.write_bytes(compress('{"ä": 1, "b": "x"}\r\n\n{"b": "NA", "ä": 2.5}\n{}'.encode(encoding)))
    table = read_table(path)
    assert table.numbers("ä", "target")[:2].tolist() == [1, 2.5]
    assert table.frame["b"].to_list() == ["x", "NA", None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "data.jsonl is empty"),
        ("\n \n", "data.jsonl is empty"),
        ('{"a": 1}\n\n{"a": \n', 'line 3 is not a JSON object such as {"time": "2024-01-31", "value": 1.5}'),
        ('[{"a": 1}, {"a": 2}]', "line 1 is not a JSON object"),
        ('{"a": 1} {"a": 2}', "line 1 is not a JSON object"),
        ("a,b\n1,2\n", "line 1 is not a JSON object"),
        ('{"a": 1}\nnull\n', "line 2 is not a JSON object"),
        ('{"a": 1}\n' + "[" * 100_000, "line 2 is not a JSON object"),
        (b'{"a": "\xe4"}\n', "line 1 is not a JSON object"),
        ('{"a": true}\n{"a": 3}\n', "can't be read as a table: cannot parse 'true' (bool) as Int64"),
        ("{}\n", "has no columns"),
    ],
)
def test_json_lines_that_are_not_a_table(tmp_path, text, message):
    (tmp_path / "data.jsonl").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(GatewiseError, match=re.escape(message)) as caught:
        read_table(tmp_path / "data.jsonl")
    assert "\n" not in str(caught.value)


def test_an_excel_file_without_fastexcel_names_the_extra(tmp_path, monkeypatch):
    (tmp_path / "data.xlsx").write_bytes(b"PK\x03\x04")

    def missing(*_, **__):
        raise ModuleNotFoundError("required package 'fastexcel' not found")

    monkeypatch.setattr(pl, "read_excel", missing)
    with pytest.raises(
        GatewiseError, match=r'Excel file, read by fastexcel: pip install "gatewise\[excel\]"'
    ):
        read_table(tmp_path / "data.xlsx")


def test_a_first_row_of_whole_numbers_in_an_excel_file_is_noted(tmp_path):
    path = tmp_path / "data.xlsx"
    write_workbook(path, [["x", 1000, 1037], ["y", 1001, 1040]])
    (note,) = read_table(path, Dialect()).describe_form(Dialect())
    assert note.startswith("the first row, 'x', '1000', '1037', is read as the names of the columns")
    path = path.with_suffix(".parquet")
    pl.DataFrame({"x": ["y"], "1000": [1001], "1037": [1040]}).write_parquet(path)
    assert not read_table(path, Dialect()).describe_form(Dialect())


def test_an_excel_file(tmp_path):
    path, days = tmp_path / "data.xlsx", [date(2024, month, 1) for month in range(1, 5)]
    rows = [["month", "shop", "sold"], *([day, "a", 1.5 * number] for number, day in enumerate(days))]
    write_workbook(path, rows)
    found = read_series(path)
    assert found.series[0].times.dt.date().to_list() == days
    assert found.series[0].target.tolist() == [0, 1.5, 3, 4.5]
    write_workbook(path, [*rows[:2], [None, "a", "n.a."], *rows[3:]])
    with pytest.raises(GatewiseError, match="row 2, column 'month': the time is missing"):
        read_series(path)
    write_workbook(path, [*rows, ["", None, ""], [None, "", None]])  # as spreadsheets leave below a table
    assert read_series(path).series[0].target.tolist() == [0, 1.5, 3, 4.5]
    path.write_bytes(path.read_bytes()[:99])
    with pytest.raises(GatewiseError, match="can't be read as a table"):
        read_table(path)


def test_arrays_of_numpy(tmp_path):
    values = np.arange(6.0)
    np.save(tmp_path / "one.npy", values)
    np.save(tmp_path / "two.npy", values.reshape(3, 2))
    np.savez(tmp_path / "some.npz", day=np.arange(6), sold=values, others=values.reshape(6, 1))
    assert read_table(tmp_path / "one.npy").frame.to_dict(as_series=False) == {"value": [0, 1, 2, 3, 4, 5]}
    assert read_table(tmp_path / "two.npy").frame.to_dict(as_series=False) == {"1": [0, 2, 4], "2": [1, 3, 5]}
    assert column_names(tmp_path / "some.npz") == ["day", "sold", "others 1"]
    found = gatewise.look(tmp_path / "one.npy")
    assert 'time="none" for rows one step apart' in found.problem
    assert gatewise.look(tmp_path / "one.npy", time="none").problem is None


def test_arrays_that_are_no_tables(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 2, 2)))
    with pytest.raises(
        GatewiseError, match=r"value has the shape \[2, 2, 2\]; expected an array \[rows\] or"
    ):
        read_table(tmp_path / "a.npy")
    np.savez(tmp_path / "b.npz", a=np.zeros(2), b=np.zeros(3))
    with pytest.raises(GatewiseError, match="a has 2, b has 3 rows; expected an array"):
        read_table(tmp_path / "b.npz")
    np.save(tmp_path / "c.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    with pytest.raises(GatewiseError, match=r"c\.npy can't be read as an array: it contains Python objects"):
        read_table(tmp_path / "c.npy")
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(GatewiseError, match=r"d\.npz can't be read as arrays"):
        read_table(tmp_path / "d.npz")

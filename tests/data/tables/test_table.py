"""Reading tables: cells exactly as written, mistakes with line and column."""

import re

import numpy as np
import polars as pl
import pytest

from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.long_table import read_long
from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.table import read_table
from gatewise.errors import GatewiseError


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


def test_numbers_and_empty_cells(write):
    table = read_table(write("time,value\n1, 2.5\n2,NA\n3,\n4,-1e3\n"))
    np.testing.assert_array_equal(table.numbers("value", "target"), [2.5, np.nan, np.nan, -1000.0])


@pytest.mark.parametrize(
    "cell", ["NA", "n/a", "N.A.", "#N/A", "NaN", "NULL", "None", "?", "-", ".", "..", " .. ", '""']
)
def test_empty_cells(write, cell):
    table = read_table(write(f"time,value\n1,2\n2,{cell}\n3,-.5\n"))
    np.testing.assert_array_equal(table.numbers("value", "target"), [2, np.nan, -0.5])


@pytest.mark.parametrize("cell", ["...", "??", "--", "x.", "N", "n / a", "unknown"])
def test_cells_that_are_not_empty(write, cell):
    table = read_table(write(f"time,value\n1,2\n2,{cell}\n"))
    with pytest.raises(GatewiseError, match=f"expected a number, got '{re.escape(cell)}'"):
        table.numbers("value", "target")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators(write, separator):
    table = read_table(write(f"time{separator}value\n1{separator}2\n"))
    assert table.columns == ["time", "value"]


def test_parquet(tmp_path):
    path = tmp_path / "table.parquet"
    pl.DataFrame({"value": [1, None, 3]}).write_parquet(path)
    table = read_table(path)
    np.testing.assert_array_equal(table.numbers("value", "target"), [1.0, np.nan, 3.0])
    assert table.place(0) == "row 1"


def test_a_cell_that_is_not_a_number(write):
    table = read_table(write("time,value\n1,2\n2,about 3\n"))
    with pytest.raises(GatewiseError, match=r"line 3, column 'value': expected a number, got 'about 3'"):
        table.numbers("value", "target")


def test_infinity_in_parquet_is_refused(tmp_path):
    pl.DataFrame({"value": [1.0, float("inf")]}).write_parquet(tmp_path / "table.parquet")
    with pytest.raises(GatewiseError, match="row 2, column 'value': expected a number, got 'inf'"):
        read_table(tmp_path / "table.parquet").numbers("value", "target")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["2,5", "", "3"], [2.5, np.nan, 3]),
        (["1,005", "998", "2,5"], [1.005, 998, 2.5]),
        (["-0,125", "+,5", "12345,678"], [-0.125, 0.5, 12345.678]),
        (["1,5e3", "2,0E-1", "7"], [1500, 0.2, 7]),
    ],
)
def test_decimal_commas(write, separator, cells, values):
    rows = "".join(f"{row}{separator}{cell}\n" for row, cell in enumerate(cells))
    table = read_table(write(f"t{separator}wert\n{rows}"))
    np.testing.assert_array_equal(table.numbers("wert", "target"), values)
    assert table.describe_numbers(["t", "wert"]) == ("decimals are written with a comma: 'wert'",)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["998", "1,005"], "line 3, column 'wert': '1,005' may be 1005 or a decimal number; write thousands "
         "without separators (1005), or decimals with another digit (1,0050)"),
        (["1,084", "1,091"], "line 2, column 'wert': '1,084' may be 1084 or a decimal number"),
        (["1,5", "2.5"], "line 2, column 'wert': '1,5' has a comma and '2.5' a point; write decimals"),
        (["1.005", "2,5", "7"], "line 3, column 'wert': '2,5' has a comma and '1.005' a point"),
        (["1,5", "1,234,567"], "line 2, column 'wert': expected a number, got '1,5' (write decimals with"),
        (["1.5", "1.234,5"], "line 2, column 'wert': expected a number, got '1.5'"),
        (["1,234.5", "2.345,6"], "line 3, column 'wert': expected a number, got '2.345,6' (write it with"),
        (["1,5", "about 3,5"], "line 3, column 'wert': expected a number, got 'about 3,5'"),
    ],
)  # fmt: skip
def test_commas_that_may_separate_thousands_are_refused(write, cells, message):
    table = read_table(write("t;wert\n" + "".join(f"0;{cell}\n" for cell in cells)))
    with pytest.raises(GatewiseError, match=re.escape(message)):
        table.numbers("wert", "target")


def test_a_quoted_decimal_comma_between_commas_gets_a_hint(write):
    table = read_table(write('time,value\n1,"2,5"\n'))
    with pytest.raises(GatewiseError, match=r"got '2,5'.*write decimals with a point"):
        table.numbers("value", "target")


def test_a_column_of_lists_is_refused(tmp_path):
    pl.DataFrame({"value": [[1], [2]]}).write_parquet(tmp_path / "table.parquet")
    with pytest.raises(GatewiseError, match="column 'value': expected numbers, got List"):
        read_table(tmp_path / "table.parquet").numbers("value", "target")


def test_blank_lines_at_the_end_and_spaces_in_the_header(write):
    table = read_table(write("time, value \n1,2\n2,3\n\n\n"))
    assert table.columns == ["time", "value"]
    assert table.frame.height == 2


def test_infinity_is_refused(write):
    table = read_table(write("time,value\n1,2\n2,inf\n"))
    with pytest.raises(GatewiseError, match=r"line 3, column 'value': expected a number, got 'inf'"):
        table.numbers("value", "target")


def test_a_missing_column(write):
    table = read_table(write("time,value\n1,2\n"))
    with pytest.raises(GatewiseError, match="has no column 'sold' for the target; it has time, value"):
        table.column("sold", "target")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; give a table with column names"),
        ("time,value\n", "has no rows below its header"),
        ("a,b\n1,2,3\n4,5\n", "can't be read as a table"),
        (b"time,value\n1,\xff\xfe\xfa\n", "can't be read as a table"),
        ("a,a\n1,2\n", "two columns called 'a'"),
        ("2000-01,10.0\n2000-02,11.0\n", "begins with values, not with column names"),
    ],
)
def test_files_that_are_not_tables(write, text, message):
    with pytest.raises(GatewiseError, match=re.escape(message)):
        read_table(write(text))


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("cells", [["998", "1.005"], ["1.005", "", "7"], ["-12.500", "12"]])
def test_points_that_may_separate_thousands_are_refused(write, separator, cells):
    rows = "".join(f"{row}{separator}{cell}\n" for row, cell in enumerate(cells))
    table = read_table(write(f"t{separator}wert\n{rows}"))
    dotted = next(cell for cell in cells if "." in cell)
    message = rf"line {cells.index(dotted) + 2}, column 'wert': {dotted!r} beside .* write thousands without"
    with pytest.raises(GatewiseError, match=message):
        table.numbers("wert", "target")


@pytest.mark.parametrize(
    "cells",
    [["998", "1.005", "0.5"], ["1.005", "2.125"], ["0.998", "1"], ["1998", "1.005"], ["1.0050", "998"]],
)
def test_points_that_are_decimal_points(write, cells):
    table = read_table(write("t;wert\n" + "".join(f"0;{cell}\n" for cell in cells)))
    assert table.numbers("wert", "target").tolist() == [float(cell) for cell in cells]


def test_points_that_may_separate_thousands_in_every_cell_are_noted(write):
    note = "points are read as decimal points, so that '1.037' is about 1, not 1037: 'wert'"
    text = "t;wert\n0;1.037\n1;1.044\n2;{last}\n"
    assert read_series(write(text.format(last="1.050"))).notes[-1] == note
    assert note not in read_series(write(text.format(last="1.05"))).notes
    assert note not in read_series(write(text.replace(";", ",").format(last="1.051"))).notes
    wide = read_series(write("t;wert;b\n0;1.037;1\n1;1.044;2\n2;1.050;3\n"), Columns(wide="columns"))
    assert wide.notes[-1] == note
    steps, _ = read_long(write("id;t;wert;label\n0;0;1.037;a\n0;1;2.500;a\n1;0;3.000;b\n"), LongColumns())
    assert note in steps.notes


def test_points_in_comma_separated_files_are_decimal_unless_a_zero_follows(write):
    assert read_table(write("t,x\n0,1\n0,1.125\n")).numbers("x", "target").tolist() == [1, 1.125]
    with pytest.raises(GatewiseError, match=r"line 3, column 'x': '1\.250' beside '1' may be 1250"):
        read_table(write("t,x\n0,1\n0,1.250\n")).numbers("x", "target")


@pytest.mark.parametrize("separator", [";", ","])
@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,005", "998", "-1,234.5"], [1005, 998, -1234.5]),
        (["1.005", "998,25", "1.234,5"], [1005, 998.25, 1234.5]),
        (["1.005", "", "1.234.567"], [1005, np.nan, 1234567]),
        (["1 005", "998", "12 345.5"], [1005, 998, 12345.5]),
        (["1\u202f005", "12.5", "3"], [1005, 12.5, 3]),
        (["1'005", "1'234'567.25", "0.125"], [1005, 1234567.25, 0.125]),
    ],
)
def test_thousands_separators_that_are_certain(write, separator, cells, values):
    rows = "".join(f'{row}{separator}"{cell}"\n' for row, cell in enumerate(cells))
    table = read_table(write(f"t{separator}wert\n{rows}"))
    np.testing.assert_array_equal(table.numbers("wert", "target"), values)
    (note,) = table.describe_numbers(["t", "wert"])
    assert note.startswith("thousands separators are left out, as in ")


def test_decimal_commas_beside_spaces_between_thousands(write):
    table = read_table(write("t;wert\n0;1 005,5\n1;998,25\n"))
    assert table.numbers("wert", "target").tolist() == [1005.5, 998.25]


@pytest.mark.parametrize("cell", ["1,005", "12_000"])
def test_other_thousands_separators_are_refused(write, cell):
    table = read_table(write(f't,x\n0,998\n1,"{cell}"\n'))
    with pytest.raises(
        GatewiseError, match=r"line 3, column 'x': expected a number, got .* without thousands separators"
    ):
        table.numbers("x", "target")


def test_numbers_beyond_64_bits(write):
    table = read_table(write("x,y\n99999999999999999999,1e29\n-99999999999999999999,-1e29\n"))
    assert table.numbers("x", "target").tolist() == [1e20, -1e20]


def test_a_broken_parquet_file(write):
    with pytest.raises(GatewiseError, match="can't be read as a table"):
        read_table(write("not parquet", "table.parquet"))


def test_a_missing_file():
    with pytest.raises(GatewiseError, match=r"there is no file 'nowhere.csv'"):
        read_table("nowhere.csv")

"""Tables without a header, with other markers of empty cells, and in other encodings."""

import json

import polars as pl
import pytest

from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.long_table import read_long
from gatewise.data.sequences.reading import read_sequences
from gatewise.data.series.overview import look_at_series
from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.header import are_odd_numbers, is_row_of_values, is_time
from gatewise.data.tables.table import read_table
from gatewise.errors import GatewiseError
from gatewise.tasks.config import resolve
from gatewise.tasks.forecast.options import ForecastOptions

NO_HEADER = Dialect(header=False)
FOUND = "the first row has values: the columns are called 1, 2 and so on (--header takes it as names)"
DAYS = "2024-01-01,5\n2024-01-02,6\n2024-01-03,4\n"


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


@pytest.mark.parametrize("text", [DAYS, DAYS.replace(",", ";"), "\n\n" + DAYS, DAYS.replace("\n", "\r\n")])
def test_columns_without_names_are_numbered(write, text):
    path = write(text)
    found = read_series(path)
    assert found.notes == (FOUND, "time is column '1'", "target is column '2'")
    assert found.series[0].target.tolist() == [5, 6, 4]
    given = read_series(path, Columns(dialect=NO_HEADER))
    assert given.notes == found.notes[1:]
    assert given.columns.dialect == NO_HEADER  # a model keeps it


def test_places_in_a_table_without_a_header(write):
    path = write(DAYS.replace("6", "six"))
    with pytest.raises(GatewiseError, match="line 2, column '2': expected a number, got 'six'"):
        read_series(path)
    with pytest.raises(GatewiseError, match=r"found fewer fields in line 4 \(1\)"):
        read_table(write(DAYS + "5\n"), NO_HEADER)


def test_a_name_that_may_be_a_value(write):
    note = "the name '5.2' of a column may be a value; --no-header reads the first row as values"
    table = "a,5.2\nb,6\nc,7\nd,5\n"
    assert note in read_series(write(table), Columns(time="none")).notes
    assert note not in read_series(write(table), Columns(time="none", dialect=Dialect(True))).notes
    assert note not in read_series(read_table(write(table)).frame, Columns(time="none")).notes


WHOLE = "x,1000,1037,1012\ny,1001,1040,1017\nz,1002,1038,1012\n"
READ_AS_NAMES = (
    "the first row, 'x', '1000', '1037', ..., is read as the names of the columns; "
    "--no-header reads it as data"
)


def test_a_first_row_of_whole_numbers_is_noted(write):
    path = write(WHOLE)
    found = read_series(path, Columns(wide="rows"))
    assert (found.notes[0], len(found.series)) == (READ_AS_NAMES, 2)
    found = read_series(path, Columns(wide="rows", dialect=NO_HEADER))
    assert (READ_AS_NAMES in found.notes, len(found.series)) == (False, 3)
    table, _ = read_sequences(path, LongColumns(label="x", wide="rows"), None)
    assert table.notes[0] == READ_AS_NAMES
    table, _ = read_sequences(path, LongColumns("x", label="1012", channels=("1000",)), None)
    assert table.notes[0] == READ_AS_NAMES
    table = read_table(path, Dialect())
    for given in (Columns(), Columns(wide="rows")):
        assert look_at_series(table, given).notes[0] == READ_AS_NAMES


@pytest.mark.parametrize(
    ("names", "is_odd"),
    [
        ("A,0,100", True),
        ("s0,125,-132,7,a", True),
        ("x,112", True),
        ("x,5,5", True),
        ("x,1960,1962,1965", True),
        ("1000,1037", True),
        ("a,b,c,5", False),
        (",0,1,2", False),
        ("a,b,1,2,3", False),
        ("x,1960,1961", False),
        ("x,2020", False),
        ("x,202411,202412,202501", False),
        ("x,202412,202411", True),
        ("a,b", False),
        ("x,nan,inf", False),
    ],
)
def test_whole_numbers_that_hardly_name_columns(names, is_odd):
    assert are_odd_numbers(names.split(",")) is is_odd


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("x,111,111\ny,1,2\n", "'111'; rename one, or give --no-header if the first row is data"),
        ("a,5,7,a\nb,1,2,b\n", "'a'; rename one, or give --no-header if the first row is data"),
        ("a,b,a\n1,2,3\n", "'a'; rename one"),
    ],
)
def test_equal_names_that_may_be_data(write, text, remedy):
    path = write(text)
    with pytest.raises(GatewiseError, match=f"two columns called {remedy}$"):
        read_table(path, Dialect())
    with pytest.raises(GatewiseError, match=r"rename one$"):
        read_table(path, Dialect(header=True))
    assert read_table(path, NO_HEADER).frame.height == 2


def test_a_table_of_one_row(write):
    assert read_table(write("5,3\n"), NO_HEADER).frame.rows() == [("5", "3")]


@pytest.mark.parametrize(
    ("first", "second", "is_row"),
    [
        (["2024-01-01", "5"], ["2024-01-02", "6"], True),
        (["a", "1965Q1"], ["b", "1965Q2"], True),
        (["2024-01-01 00:00", "5"], [], True),
        (["5.1", "3.5", "1.4"], ["4.9", "3.0", "1.4"], True),
        (["-1", "-7"], ["0", "1"], True),
        (["84.27"], ["84.11"], True),
        (["series", "2024-01", "2024-02"], ["a", "3", "4"], False),
        (["2024-01", "2024-02"], ["3", "4"], False),
        (["V1", "V2"], ["Y1", "5"], False),
        (["0", "1", "2"], ["5", "3", "1"], False),
        (["0.5", "1.5", "2.5"], ["1", "3", "2"], False),  # frequencies
        (["5", "3", "7"], ["1", "2", "3"], False),
        (["2021", "2020", "2020"], ["1", "2", "3"], False),
        (["112"], ["118"], False),
        (["5.1", "5.1.1"], ["4", "5"], False),  # as pandas makes names different
        ([], [], False),
    ],
)
def test_rows_that_are_certainly_values(first, second, is_row):
    assert is_row_of_values(first, second) is is_row


@pytest.mark.parametrize("cell", ["", "x", "1e5", "20240131", "nan", "2024-13-45"])
def test_texts_that_are_no_times(cell):
    assert not is_time(cell)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("5,3,7\n1,2,3\n", "; --no-header calls the columns 1, 2 and so on; --header takes these as names"),
        ("112\n118\n", "--no-header calls the columns 1, 2 and so on, with --time none if they are one"),
    ],
)
def test_an_unclear_header_is_refused_with_both_options(write, text, remedy):
    path = write(text)
    with pytest.raises(GatewiseError, match=f"begins with values, not with column names.*{remedy}"):
        read_table(path, Dialect())
    assert read_table(path, NO_HEADER).frame.height == 2
    assert read_table(path, Dialect(header=True)).frame.height == 1
    with pytest.raises(GatewiseError, match=r"not with column names; add a header$"):
        read_table(path)  # of a task without the option


def test_options_of_texts_have_no_effect_on_other_files(tmp_path):
    frame = pl.DataFrame({"t": [1, 2, 3], "y": [1.5, 2, 3]})
    frame.write_parquet(tmp_path / "table.parquet")
    frame.write_ndjson(tmp_path / "table.jsonl")
    columns = Columns(time="t", dialect=Dialect(False, (), "utf-8"))
    for source in (tmp_path / "table.parquet", tmp_path / "table.jsonl", frame):
        found = read_series(source, columns)
        assert found.notes[0] == "the table has the names of its columns: --no-header has no effect"
        assert found.columns.target == "y"


def test_a_model_reads_later_tables_as_its_first(write):
    unclear = "20240104,5\n20240105,3\n20240106,4\n"
    with pytest.raises(GatewiseError, match="begins with values, not with column names"):
        read_series(write(unclear))
    found = read_series(write(DAYS.replace("-", "")), Columns(dialect=NO_HEADER))
    assert read_series(write(unclear), found.columns).series[0].target.tolist() == [5, 3, 4]
    assert read_series(write(DAYS)).columns.dialect == NO_HEADER  # as it was found


@pytest.mark.parametrize("cell", ["-999", "-999.0", " -9.99e2", "Missing"])
def test_further_markers_of_empty_cells(write, cell):
    path = write(f"day,sold\n2024-01-01,1\n2024-01-02,{cell}\n2024-01-03,-999.5\n2024-01-04,4\n")
    found = read_series(path, Columns(dialect=Dialect(missing=("-999", "missing"))), fill="forward")
    assert found.series[0].target.tolist() == [1, 1, -999.5, 4]
    assert "empty cells marked by -999, missing: 1 (column 'sold')" in found.notes


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32, pl.Int16])
def test_markers_in_columns_of_numbers(dtype):
    marker = "-999.9" if dtype.is_float() else "-999"
    frame = pl.DataFrame({"t": range(4), "y": pl.Series([1.0, float(marker), 3.0, 4.0]).cast(dtype)})
    columns = Columns(time="t", dialect=Dialect(missing=(marker, "1e300", "x")))
    with pytest.raises(GatewiseError, match="row 2, column 'y' is empty; --fill linear or forward"):
        read_series(frame, columns)
    assert read_series(frame, columns, fill="linear").series[0].target.tolist() == [1, 2, 3, 4]


def test_markers_and_a_missing_header_in_sequences(write):
    path = write("a,0.5,x\na,-1,x\nb,2.5,y\n")
    columns = LongColumns("1", None, "3", dialect=Dialect(False, ("-1",)))
    table, found = read_long(path, columns, fill="forward")
    assert table.values[:, 0].tolist() == [0.5, 0.5, 2.5]
    assert "empty cells marked by -1: 1 (column '2')" in table.notes
    assert found.dialect == columns.dialect


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "UTF-16-LE"])
def test_encodings(write, encoding):
    path = write("Größe;Straße\n1;2\n".encode(encoding))
    table = read_table(path, Dialect(encoding=encoding))
    assert table.columns == ["Größe", "Straße"]
    assert table.frame.rows() == [("1", "2")]


def test_json_lines_in_another_encoding(write):
    path = write((json.dumps({"Größe": 1}, ensure_ascii=False) + "\n").encode("latin-1"), "table.jsonl")
    assert read_table(path, Dialect(encoding="latin-1")).columns == ["Größe"]


@pytest.mark.parametrize(
    ("text", "encoding", "message"),
    [
        (
            "Größe\n1\n".encode("latin-1"),
            None,
            "such as --encoding latin-1, in which the line contains 'Größe'",
        ),
        (b"a\n\xff1\n", None, r"line 2 \(byte 0xff\); give its encoding, such as --encoding latin-1"),
        (
            "a\n1\n".encode("utf-16-le"),
            None,
            "contains a zero byte; .*; if it is UTF-16, give --encoding utf-16",
        ),
        (b"a\n1\n", "latn-1", "there is no encoding 'latn-1'; give one such as latin-1, cp1252 or utf-16"),
        (b"a\n1\n", "rot13", "there is no encoding 'rot13'"),
        (b"a\n1\n", "a\0", r"there is no encoding 'a\\x00'"),
        (b"a\n\xe4\n", "ascii", "it is not in ASCII throughout"),
        ("a\n1\n".encode("utf-8-sig"), "latin-1", "mark of UTF-8; leave out --encoding latin-1"),
        ("a\n1\n".encode("utf-16"), "utf-8", "mark of UTF-16; leave out --encoding utf-8"),
    ],
)
def test_other_encodings_are_refused(write, text, encoding, message):
    with pytest.raises(GatewiseError, match=message):
        read_table(write(text), Dialect(encoding=encoding))


def test_options_declare_a_dialect():
    given = {"horizon": 1, "header": "no", "missing": [-999, "x"], "encoding": "latin-1"}
    assert resolve(ForecastOptions, None, given).dialect == Dialect(False, ("-999", "x"), "latin-1")
    assert ForecastOptions(horizon=1, missing="-999, -9").missing == ("-999", "-9")
    assert ForecastOptions(horizon=1).dialect == Dialect()


def test_markers_that_no_cell_has(write):
    found = read_series(write(f"day,sold\n{DAYS}"), Columns(dialect=Dialect(missing=("-999",))))
    assert "empty cells marked by -999: 0" in found.notes

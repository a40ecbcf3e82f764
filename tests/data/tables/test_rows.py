"""CSV files: every row is read exactly as written, or refused with its line."""

import csv
import io
import os
import random
import re

import pytest

from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.long_table import read_long
from gatewise.data.tables import rows, table
from gatewise.data.tables.csv_folder import csv_pieces
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.table import read_table
from gatewise.errors import GatewiseError


@pytest.fixture(params=[1 << 22, 1], ids=["whole", "pieces"])
def read(request, tmp_path, monkeypatch):
    monkeypatch.setattr(table, "BYTES_AT_ONCE", request.param)

    def from_text(text, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        found = read_table(path)
        return found.columns, found.frame.rows(), [found.place(row) for row in range(found.frame.height)]

    return from_text


PLAIN = "a,b\n1,2\n3,4\n"
SAME = (["a", "b"], [("1", "2"), ("3", "4")], ["line 2", "line 3"])


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN[:-1],
        "\ufeff" + PLAIN,
        "\ufeff" + PLAIN.replace("a", '"a"'),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("1,2\n", "1,2\r\n"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        PLAIN.replace("a,", " a , "),
        PLAIN.replace("2", '"2"').replace("3", '"3"'),
        PLAIN + "\n\n",
        PLAIN + ",\n",
        PLAIN[:-1] + ",",
    ],
)
def test_equivalent_ways_to_write_a_table(read, text):
    assert read(text) == SAME


def test_rows_as_the_standard_library_writes_them(read):
    """Any cells, quoted where they must be."""
    generator = random.Random(1)
    cells = ["", "x", '"', 'a "b" c', "two\nlines", "\n", ",", '""', "ä", '","', "\r\n", '"\n"']
    for _ in range(40):
        given = [[generator.choice(cells) for _ in range(3)] for _ in range(generator.randrange(1, 6))]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator=generator.choice(["\n", "\r\n"]))
        writer.writerows([["one", 'two "2"', "three"], *given, ["end", "", ""]])
        columns, found, places = read(text.getvalue())
        assert columns == ["one", 'two "2"', "three"]
        assert [[cell or "" for cell in row] for row in found[:-1]] == given
        lines = text.getvalue().split("\n")
        assert lines[int(places[-1].split()[1]) - 1].startswith("end,,")


def test_empty_columns_without_names_at_the_right_are_left_out(read):
    assert read("a,b,,\n1,2,,\n3,4,,\n") == SAME
    with pytest.raises(GatewiseError, match="line 3 has a cell to the right of the named columns"):
        read("a,b,,\n1,2,,\n3,4,,5\n")


@pytest.mark.parametrize("cell", ['5"x4"', 'he said "no"', '""', 'a""b'])
def test_marks_in_pairs_inside_of_a_cell_are_marks(read, cell):
    assert read(f"a,b\nx{cell},2\n")[1] == [(f"x{cell}", "2")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('1,5" pipe\n', 'line 3 has a single quotation mark inside the cell \'5" pipe\'; write "5"" pipe"'),
        ('1,5" pipe\n2,"ok"\n', "line 3 has a single quotation mark"),
        ('"one\ntwo",5"\n', "line 4 has a single quotation mark"),
        ('1,"open\n2,x\n', "line 3: the cell '\"open' opens a quotation mark that does not close"),
        ('1,"open\n2,x\n3,"y"\n', "line 3: the cell '\"open' opens a quotation mark that does not close"),
        ('1,"5" pipe"\n', 'line 3: the cell \'"5" pipe"\' opens a quotation mark that does not close'),
        ('1,"x" \n', "line 3: the cell"),
        (
            "1\n",
            "found fewer fields in line 3 (1) than in its header (2); write its empty cells too, or begin it "
            "with # if it is a comment",
        ),
        (
            "\n1,2,3\n",
            "found more fields in line 4 (3) than in its header (2); quote cells that contain ',', or begin "
            "lines above the header with #",
        ),
        (b"1,\xe4\n", "it is not in UTF-8, line 3 (byte 0xe4); save it as UTF-8, for example by iconv -f"),
        (b"\n1,\0\n", "line 4 contains a zero byte; it is not text in UTF-8"),
    ],
)
def test_invalid_rows_are_refused_with_their_line(read, text, message):
    with pytest.raises(GatewiseError, match=re.escape(message)):
        read(b"a,b\n0,0\n" + (text if isinstance(text, bytes) else text.encode()) + b"9,9\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bytes(1000), "line 1 contains a zero byte"),
        (PLAIN.encode("utf-16-le"), "line 1 contains a zero byte"),
        (b"PAR1", "it is a Parquet file; give its name the ending .parquet"),
        (b"", "is empty; give a table with column names in its first line"),
        (b"\n \n\n", "is empty; give a table"),
        (b"a,b\n", "has no rows below its header"),
        (b"a,b\n\n,\n", "has no rows below its header"),
        (b"," * 100_001, "its header has more than 100,000 columns"),
        (b"a,b,a\n1,2,3\n", "has two columns called 'a'; rename one"),
        (b",,a\n1,2,3\n", "has two columns called ''; rename one"),
        (b"1,2\n3,4\n", "begins with values, not with column names"),
        (b"time value\n0 1.5\n1 2.5\n", "its cells are separated by spaces; separate them by commas or tabs"),
        (b"  1.5e+00   2 -3\n", "its cells are separated by spaces"),
        (b'a,b\n1,5" x\n2,6" x\n', "line 2 has a single quotation mark inside the cell '5\" x'"),
    ],
)
def test_files_that_are_not_tables(read, text, message):
    with pytest.raises(GatewiseError, match=re.escape(message)):
        read(text)


@pytest.mark.parametrize(
    ("text", "names", "rows", "places"),
    [
        ('# Rates, daily\n# 5" pipe\nday,eur\n1,2\n', ["day", "eur"], [("1", "2")], ["line 4"]),
        ("\n# Rates\r\n\r\n#\r\nday,eur\r\n1,2\r\n", ["day", "eur"], [("1", "2")], ["line 6"]),
        ("# Rates\n# day,eur\n1,2\n3,4", ["day", "eur"], [("1", "2"), ("3", "4")], ["line 3", "line 4"]),
        ("#,eur\n1,2\n", ["#", "eur"], [("1", "2")], ["line 2"]),
        ("#id,eur\na,b\n", ["#id", "eur"], [("a", "b")], ["line 2"]),
        ("day,eur\n1,2\n# moved\n3,4\n#5\n", ["day", "eur"], [("1", "2"), ("3", "4")], ["line 2", "line 4"]),
        ("tag,eur\n#a,2\n", ["tag", "eur"], [("#a", "2")], ["line 2"]),
        ("# Rates\teur\nday\teur\n1\t2\n", ["day", "eur"], [("1", "2")], ["line 3"]),
        ("day,eur\n1,2\n#day,eur\n#1,2\n", ["day", "eur"], [("1", "2"), ("#1", "2")], ["line 2", "line 4"]),
        ("# day,eur\r\nday,eur\r\n1,2\r\n", ["day", "eur"], [("1", "2")], ["line 3"]),
        ("#day,eur\na,2\n#day,eur", ["#day", "eur"], [("a", "2")], ["line 2"]),
    ],
)
def test_comments_are_left_out(read, text, names, rows, places):
    assert read(text) == (names, rows, places)


def test_comments_are_noted(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("# Rates\nday,eur\n1,2\n# moved\n3,4\n")
    note = "left out as comments: 2 lines beginning with #, the first in line 1"
    assert read_table(path).describe_form(Dialect()) == (note,)
    path.write_text("# Steps\nid,t,x,label\n" + "".join(f"{i // 2},{i},{i},a\n# {i}\n" for i in range(4)))
    found, _ = read_long(path, LongColumns())
    assert found.notes[0] == note.replace("2 lines", "5 lines")


def test_a_file_of_comments(read):
    with pytest.raises(GatewiseError, match="has no rows below its header"):
        read("# a\n# b\n")


def test_one_column_of_numbers_with_spaces(read):
    assert read("a\n1 000\n2 000.5\n")[1] == [("1 000",), ("2 000.5",)]


def test_an_endless_line_is_refused(read, monkeypatch):
    monkeypatch.setattr(rows, "LONGEST_ROW", 1 << 20)
    with pytest.raises(GatewiseError, match="line 2 is longer than 1 MB"):
        read("a\n" + "x" * (1 << 21))


def test_names_that_begin_like_a_compressed_file(read):
    """Text that begins with the letters of a zlib header."""
    assert read("x^2,y\n1,2\n") == (["x^2", "y"], [("1", "2")], ["line 2"])
    assert read("y\nx^2\n")[1] == [("x^2",)]


def test_a_stray_mark_is_found_in_linear_time(tmp_path, monkeypatch):
    """As many bytes are searched for marks as the file has before the mark, and one block."""
    searched = []
    search = rows.RowReader._marks
    monkeypatch.setattr(
        rows.RowReader, "_marks", lambda self, text: (searched.append(len(text)), search(self, text))[1]
    )
    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "1,2\n" * 50_000 + '1,"open\n' + "1,2\n" * 50_000)
    with pytest.raises(GatewiseError, match="line 50002: the cell"):
        list(csv_pieces(path, 1 << 10))
    assert sum(searched) <= path.stat().st_size


@pytest.mark.parametrize("name", ["[a].csv", "*.csv", "?.csv", "sales[1].csv", "a{b}.csv", "~.csv"])
def test_names_are_not_patterns(tmp_path, name):
    (tmp_path / "a.csv").write_text("a,b\n9,9\n")
    with pytest.raises(GatewiseError, match="there is no file"):
        read_table(tmp_path / name)
    (tmp_path / name).write_text(PLAIN)
    assert read_table(tmp_path / name).frame.rows() == SAME[1]
    parquet = tmp_path / name.replace("csv", "parquet")
    read_table(tmp_path / "a.csv").frame.write_parquet(tmp_path / "a.parquet")
    with pytest.raises(GatewiseError, match="there is no file"):
        read_table(parquet)
    with parquet.open("wb") as file:
        read_table(tmp_path / name).frame.write_parquet(file)
    assert read_table(parquet).frame.rows() == SAME[1]


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.parquet"])
def test_a_pipe_is_refused_without_waiting(tmp_path, name):
    os.mkfifo(tmp_path / name)
    for path, kind in ((tmp_path / name, "a pipe or a device"), (tmp_path, "a folder")):
        with pytest.raises(
            GatewiseError, match=f"there is no file .*, it is {kind}; give a CSV or a Parquet file"
        ):
            read_table(path)
    with pytest.raises(GatewiseError, match="it is a pipe or a device"):
        read_table("/dev/zero")


def test_a_name_that_is_not_in_utf8(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.csv")
    path.write_text(PLAIN)
    assert read_table(path).frame.rows() == SAME[1]

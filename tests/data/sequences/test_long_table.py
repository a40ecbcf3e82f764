"""Long tables, in any order and of any size: the same sequences, or the place of what is wrong."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from gatewise.data.sequences import long_table, spool
from gatewise.data.sequences.long_table import LongColumns, read_long
from gatewise.errors import GatewiseError

PLAIN = "id,time,x,y,label\na,1,1.5,10,no\na,2,2.5,20,no\nb,1,3.5,30,yes\n"


@pytest.fixture
def write(tmp_path):
    def to_file(content, name="data.csv"):
        path = tmp_path / name
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path) if path.suffix == ".parquet" else content.write_csv(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


@pytest.fixture(params=[None, 8], ids=["whole", "pieces"])
def piece(request, monkeypatch):
    """Whether a file is read at once, or a row or two at a time."""
    if request.param:
        monkeypatch.setattr(spool, "BLOCK", request.param)
        monkeypatch.setattr(long_table, "BYTES_AT_ONCE", request.param)
    return request.param


def read(path, labelled=True, fill=None, **columns):
    return read_long(path, LongColumns(**columns), labelled, fill)[0]


def sequences(table):
    """By id: the values, and the label of every step."""
    output = {}
    for number, name in enumerate(table.ids):
        rows = slice(*table.offsets[number : number + 2])
        labels = [] if table.labels is None else [table.classes[one] for one in table.labels[rows]]
        output[name] = (np.array(table.values[rows]).tolist(), labels)
    return output


def mixed(rows=300, kinds=23, seed=0):
    """Rows of many sequences in any order, as a table with its line in the file, and sequences by a loop."""
    random = np.random.default_rng(seed)
    ids = random.integers(0, kinds, rows)
    times = random.permutation(rows)
    values = random.normal(size=(rows, 2))
    frame = pl.DataFrame(
        {"id": [f"s{one}" for one in ids], "time": times, "x": values[:, 0], "y": values[:, 1]}
    ).with_columns(label=pl.Series([f"class {one % 12}" for one in ids]))
    output = {}
    for row in range(rows):
        output.setdefault(f"s{ids[row]}", []).append((times[row], row))
    lines = {name: [row for _, row in sorted(own)] for name, own in output.items()}
    return frame, lines, values


@pytest.mark.parametrize(("name", "first"), [("data.csv", 2), ("data.parquet", 1)])
def test_rows_in_any_order_by_plain_loops(write, piece, name, first):
    frame, lines, values = mixed()
    table = read(write(frame, name))
    assert table.ids == tuple(lines)  # as they are met
    np.testing.assert_array_equal(table.lines, np.concatenate(list(lines.values())) + first)
    for number, rows in enumerate(lines.values()):
        own = slice(*table.offsets[number : number + 2])
        np.testing.assert_array_equal(table.values[own], values[rows])
        assert {table.classes[one] for one in table.labels[own]} == {frame["label"][rows[0]]}
    assert table.classes == tuple(sorted(set(frame["label"])))
    assert table.place(0) == f"{'line' if first == 2 else 'row'} {lines[table.ids[0]][0] + first}"


def test_rows_without_times_keep_their_order(write, piece):
    frame, *_ = mixed()
    table = read(write(frame.drop("time")))
    for name, (values, _) in sequences(table).items():
        assert values == [list(row) for row in frame.filter(id=name).select("x", "y").rows()]
    assert "rows are sorted by their order in the file" in table.notes[0]


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [
        ("9", "10", "11"),
        ("-1.5", "1e-3", "2"),
        ("2024-02-28", "2024-02-29", "2024-03-01"),
        ("2024-01-31 23:59", "2024-02-01T00:00", "2024-02-01 00:01:00.5"),
        ("2024-01-31T12:00:00Z", "2024-01-31T12:00:00.25Z", "2024-01-31T12:00:01Z"),
        ("2024-01-31T12:00+02:00", "2024-01-31T12:30:00+02:00", "2024-01-31T11:00+00:00"),
    ],
)
def test_times_as_numbers_or_dates(write, first, second, third):
    table = read(write(f"id,time,x,label\na,{third},3,u\na,{first},1,u\na,{second},2,u\n"))
    assert table.values[:, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "make",
    [
        lambda day: dt.date(2024, 1, day),
        lambda day: dt.datetime(2024, 1, 1, day, tzinfo=dt.UTC),
        lambda day: dt.time(day),
        lambda day: dt.timedelta(days=day),
        float,
        int,
    ],
)
def test_times_of_parquet(write, make):
    frame = pl.DataFrame(
        {"id": ["a"] * 3, "t": [make(one) for one in (3, 1, 2)], "x": [3.0, 1.0, 2.0], "label": 7}
    )
    table = read(write(frame, "data.parquet"))
    assert table.values[:, 0].tolist() == [1, 2, 3]
    assert table.classes == ("7",)
    assert "rows are sorted by column 't'" in table.notes[0]


def test_a_duplicate_time(write, piece):
    path = write("id,time,x,label\na,1,0,u\nb,2,0,u\na,2,0,u\na,3,0,u\nb,3,0,u\na,2.0,0,u\n")
    with pytest.raises(
        GatewiseError, match=r"data.csv: line 4 and line 7 have the same time in sequence 'a'; --time"
    ):
        read(path)
    frame = pl.DataFrame({"id": ["a", "a"], "t": [1, 1], "x": 1, "label": "u"})
    with pytest.raises(GatewiseError, match="row 1 and row 2 have the same t"):
        read(write(frame, "data.parquet"))
    assert read(write("id,time,x,label\na,1,0,u\nb,1,0,u\nb,2,0,u\nc,2,0,u\n")).sizes.tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("b,1", "b,soon", "line 4, column 'time': expected a number as time, got 'soon'; write all times"),
        ("b,1", "b,2024-01-31", "line 4, column 'time': expected a number as time, got '2024-01-31'"),
        ("b,1", "b,nan", "line 4, column 'time': expected a number as time, got 'nan'"),
        ("b,1", "b,", "line 4, column 'time' is empty: give the time"),
        ("b,1", ",1", "line 4, column 'id' is empty: give the id"),
        ("b,1", "  ,1", "line 4, column 'id' is empty"),
        ("yes", "", "line 4, column 'label' is empty: give the label"),
        ("30", "", "line 4, column 'y' is empty: give a number, or --fill forward"),
        ("30", "NA", "line 4, column 'y' is empty"),
        ("30", "many", r"line 4, column 'y': expected a number, got 'many'; if it is not a channel, name"),
        ("30", "inf", "line 4, column 'y': expected a number, got 'inf'"),
        ("30", '"3,5"', r"line 4, column 'y': expected a number, got '3,5' \(write decimals with a point\)"),
        ("a,1", "a,soon", "line 2, column 'time': expected a number as time, got 'soon'"),
        ("a,1", "a,31.01.2024", "line 2, column 'time': expected a number as time, got '31.01.2024'"),
        ("a,1", "a,2024-01-31", "line 3, column 'time': expected a date as time, got '2'; write all times"),
        ("30,yes", "30,yes,what", "data.csv can't be read as a table: found more fields"),
        ("id,", "x,", "has two columns called 'x'; rename one"),
        ("id,", " x,", "has two columns called 'x'; rename one"),
        ("id,time,x,y,label\n", "", "has the name of an id|begins with values"),
        ("id,", "who,", "columns who, time, x, y, label has the name of an id of sequences"),
        (",label", ",kind", "none of the columns id, time, x, y, kind has the name of a label; name one"),
        (PLAIN, "", "data.csv is empty; give a table with column names in its first line"),
        (PLAIN, "\n", "data.csv is empty"),
        (PLAIN, "id,time,x,label\n", "data.csv has no rows below its header"),
        (PLAIN, "id,time,x,label\n\n,,,\n", "data.csv has no rows below its header"),
        (PLAIN, "id,label,time\na,u,1\n", "has no column of values other than id, time, label"),
        (PLAIN, "1,2\n3,4\n", "begins with values, not with column names"),
        (PLAIN, 'id,x,label\n"a,1,u\n', "can't be read as a table"),
    ],
)  # fmt: skip
def test_mistakes_with_their_place(write, piece, old, new, message):
    with pytest.raises(GatewiseError, match=message):
        read(write(PLAIN.replace(old, new, 1)))


def test_files_that_are_not_tables(write, tmp_path):
    with pytest.raises(GatewiseError, match=r"there is no file .*none\.csv"):
        read(tmp_path / "none.csv")
    with pytest.raises(GatewiseError, match="there is no file"):
        read(tmp_path)
    for text in (PLAIN.replace("yes", "där"), PLAIN.replace("label", "Länge")):
        with pytest.raises(GatewiseError, match="can't be read as a table: it is not in UTF-8"):
            read(write(text.encode("latin-1")))
    with pytest.raises(GatewiseError, match="can't be read as a table: it begins as UTF-16"):
        read(write(PLAIN.encode("utf-16")[:-1]))
    with pytest.raises(GatewiseError, match="can't be read as a table"):
        read(write(PLAIN, "data.parquet"))
    late = PLAIN + "b,2,1,1,yes\n" * 50_000 + "b,2,1,1,j\xe4\n"
    with pytest.raises(GatewiseError, match="it is not in UTF-8"):
        read(write(late.encode("latin-1")))
    frame = pl.DataFrame({"id": ["a"], "x": [[1.0, 2.0]], "label": ["u"]})
    with pytest.raises(GatewiseError, match="column 'x': expected numbers, got List"):
        read(write(frame, "data.parquet"))


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", " ,\t"),
        PLAIN.replace("a,2", "\n,,,,\na,2") + "\n\n",
        PLAIN.replace("id,time", '"id","time"').replace("no", '"no"'),
    ],
)
def test_equivalent_ways_to_write_a_table(write, text):
    table = read(write(text))
    assert sequences(table) == sequences(read(write(PLAIN, "plain.csv")))
    lines = text.replace("\r\n", "\n").split("\n")
    assert "2.5" in lines[table.lines[1] - 1]  # empty lines count


def test_line_breaks_inside_of_cells_count(write, piece):
    text = 'id,note,x,label\n"a\nb","one\n\ntwo",1,u\nc,,2,u\n\n"a\nb",none,3,"u"\nc,"""",4,u\n'
    table = read(write(text), channels=("x",))
    assert sequences(table) == {"a\nb": ([[1], [3]], ["u", "u"]), "c": ([[2], [4]], ["u", "u"])}
    assert table.lines.tolist() == [2, 8, 6, 10]


def test_columns_by_role(write):
    text = "t,ID,x,y,Class\n2,a,1,5,u\n1,a,2,6,u\n"
    path = write(text)
    table, found = read_long(path, LongColumns())
    assert found == LongColumns("ID", "t", "Class", ("x", "y"))
    assert table.channels == ("x", "y")
    assert table.notes == (
        "sequences are identified by column 'ID', rows are sorted by column 't', labelled by column 'Class'; "
        "2 channels: x, y",
    )
    table, found = read_long(path, LongColumns(id="Class", label="ID", channels=("y", "t")))
    assert found == LongColumns("Class", None, "ID", ("y", "t"))
    assert table.values.tolist() == [[5, 2], [6, 1]]
    assert read_long(path, LongColumns(time="x"))[1].channels == ("t", "y")
    assert read_long(path, LongColumns(), labelled=False)[1] == LongColumns("ID", "t", None, ("x", "y"))
    assert read(path, labelled=False).labels is None
    with pytest.raises(GatewiseError, match="has no column 'z' for the channel; it has t, ID, x, y, Class"):
        read(path, channels=("x", "z"))
    with pytest.raises(GatewiseError, match="has no column 'kind' for the label"):
        read(path, label="kind")
    with pytest.raises(GatewiseError, match="has no column 'kind' for the name of the set"):
        read(path, split_column="kind")
    table, found = read_long(path, LongColumns(split_column="Class"), labelled=False)
    assert found == LongColumns("ID", "t", None, ("x", "y"), "Class")
    assert table.classes == ("u",)
    assert "by column 't', split by column 'Class'; 2 channels" in table.notes[0]
    for twice in ({"id": "x", "channels": ("x",)}, {"id": "t", "time": "t"}, {"channels": ("x", "y", "x")}):
        with pytest.raises(GatewiseError, match="was given two roles; give it one"):
            read(path, **twice)


def test_the_most_usual_name_is_recognized_and_an_index_left_out(write):
    text = ",frame,time,series,id,target,label,Unnamed: 0,y\n0,7,1,3,a,9,u,0,3\n1,8,2,3,a,9,u,1,4\n"
    _, found = read_long(write(text), LongColumns())
    assert found == LongColumns("id", "time", "label", ("frame", "series", "target", "y"))


def test_row_numbers_are_not_a_channel(write):
    """Row numbers identify the sequences, and with them the classes."""
    rows = "".join(f"{row},{row // 10},{row % 10},{row % 7}.5,{'uv'[row // 20]}\n" for row in range(40))
    table, found = read_long(write(f"n,id,t,x,label\n{rows}"), LongColumns())
    assert found.channels == ("x",)
    assert table.notes[0].endswith("1 channel: x; not used: 'n' (--channels adds them)")
    assert read(write(f"n,id,t,x,label\n{rows}"), channels=("n", "x")).channels == ("n", "x")
    by_name = "".join(f"{row + row // 3},{row // 2},{row % 7}.5,u\n" for row in range(6))
    assert read(write(f"index,id,x,label\n{by_name}")).channels == ("x",)
    one = "".join(f"{row},a,{row % 7}.5,u\n" for row in range(40))
    assert read(write(f"n,id,x,label\n{one}")).channels == ("n", "x")


def test_a_copy_of_the_label_is_not_a_channel(write):
    rows = "".join(f"{row // 5},{row % 7}.5,{row // 5 % 2},{'uv'[row // 5 % 2]}\n" for row in range(40))
    table, found = read_long(write(f"id,x,target,label\n{rows}"), LongColumns())
    assert (found.label, found.channels) == ("label", ("x",))
    assert "not used: 'target'" in table.notes[0]


def test_ids_that_repeat_are_preferred(write):
    rows = "".join(f"{row},{row // 5},{row % 7}.5,{'uv'[row // 5 % 2]}\n" for row in range(40))
    table, found = read_long(write(f"id,series,x,label\n{rows}"), LongColumns())
    assert (found.id, found.channels, len(table)) == ("series", ("x",), 8)


def test_empty_cells_are_filled_with_the_value_before(write, piece):
    text = "id,time,x,y,label\na,1,,1,u\nb,1,7,8,u\na,3,,3,u\na,2,5,,u\nb,2,,NA,u\na,4,6,,u\n"
    path = write(text)
    with pytest.raises(GatewiseError, match="line 2, column 'x' is empty"):
        read(path)
    table = read(path, fill="forward")
    assert sequences(table) == {
        "a": ([[5, 1], [5, 1], [5, 3], [6, 3]], ["u"] * 4),
        "b": ([[7, 8], [7, 8]], ["u"] * 2),
    }
    assert table.notes[1] == "empty cells filled with the value before them: 6"
    with pytest.raises(
        GatewiseError, match="sequence 'c' has no value at all in column 'y'; remove the sequence"
    ):
        read(write(text + "c,1,1,,u\n"), fill="forward")


def test_labels_may_change_within_a_sequence(write):
    table = read(write("id,x,label\na,1,u\na,2,v\nb,3,v\n"))
    assert sequences(table) == {"a": ([[1], [2]], ["u", "v"]), "b": ([[3]], ["v"])}


def test_classes_in_their_natural_order(write):
    table = read(write("id,x,label\na,1,10\nb,2,9\nc,3,b\nd,4,-1\n"))
    assert table.classes == ("-1", "9", "10", "b")
    assert table.labels.tolist() == [2, 1, 3, 0]


def test_values_keep_their_digits(write):
    """Places on earth in degrees: what float32 keeps of them is metres."""
    table = read(write("id,x,label\na,48.13715412,u\na,48.13715423,u\n"))
    assert table.values[:, 0].tolist() == [48.13715412, 48.13715423]
    (scale,) = table.scales([0])
    assert scale.deviation == pytest.approx(5.5e-8, rel=1e-6)


def test_thousands_separators_are_decided_over_all_pieces(write, piece):
    """A cell that shows them decides over later pieces, and not over a mark in an earlier one."""
    text = PLAIN.replace(",", ";").replace("1.5", "1.234.567").replace("2.5", "..").replace("3.5", "3.500")
    found = read(write(text), fill="forward")
    assert sequences(found)["b"][0] == [[3500, 30]]
    assert "thousands separators are left out, as in '1.234.567': 'x'" in found.notes
    swapped = text.replace("1.234.567", "1.500").replace("3.500", "1.234.567")
    if piece is None:
        assert sequences(read(write(swapped), fill="forward"))["a"][0] == [[1500, 10], [1500, 20]]
        return
    with pytest.raises(GatewiseError, match=r"x': '1\.500' may be a decimal number, and '1\.234\.567' has"):
        read(write(swapped), fill="forward")


def test_decimal_commas_are_decided_over_all_pieces(write, piece):
    """A cell that is a decimal number for certain decides over those before it, which may be thousands."""
    text = PLAIN.replace(",", ";").replace("1.5", "1,500").replace("2.5", "..").replace("3.5", "3,5")
    found = read(write(text), fill="forward")
    assert sequences(found)["a"][0] == [[1.5, 10], [1.5, 20]]
    assert sequences(found)["b"][0] == [[3.5, 30]]
    assert "decimals are written with a comma: 'x'" in found.notes
    for cell, message in (
        ("3", "'1,500' may be 1500 or a decimal"),
        ("3.5", "'1,500' has a comma and '3.5'"),
    ):
        with pytest.raises(GatewiseError, match=f"line 2, column 'x': {message}"):
            read(write(text.replace("3,5", cell)), fill="forward")

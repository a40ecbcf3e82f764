"""Tables with a row for each sequence: recognized, and every mistake by its line."""

from dataclasses import replace

import numpy as np
import pytest

from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.reading import read_sequences
from gatewise.data.tables.dialect import Dialect
from gatewise.errors import GatewiseError

STEPS = [f"t{step}" for step in range(10)]
HEADER = ",".join(["id", "label", *STEPS])
ROWS = [",".join([f"s{row}", "ba"[row % 2], *(f"{row}.{step}" for step in range(10))]) for row in range(4)]
WIDE = LongColumns(wide="rows")


@pytest.fixture
def write(tmp_path):
    def to(*lines, name="data.csv"):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return path

    return to


def read(path, columns=None, fill=None, **options):
    return read_sequences(path, columns or LongColumns(), fill, **options)


def test_rows_with_numbered_columns_are_sequences(write):
    table, found = read(write(HEADER, *ROWS))
    assert found == LongColumns("id", None, "label", wide="rows", first_step="t0")
    assert (table.ids, table.channels, table.classes) == (("s0", "s1", "s2", "s3"), ("value",), ("a", "b"))
    assert table.offsets.tolist() == [0, 10, 20, 30, 40]
    assert table.values[10:13, 0].tolist() == [1.0, 1.1, 1.2]
    assert table.labels[[0, 10, 20, 30]].tolist() == [1, 0, 1, 0]
    assert table.place(12) == "line 3"
    assert "its steps are the columns 't0' to 't9'" in table.notes[0]
    bare, _ = read(write(HEADER, *ROWS), replace(found, label=None), labelled=False)
    assert bare.labels is None
    assert np.array_equal(bare.values, table.values)


def test_rows_without_an_id_are_numbered(write):
    lines = [line.partition(",")[2] for line in (HEADER, *ROWS)]
    table, found = read(write(*lines))
    assert found.id is None
    assert table.ids == ("1", "2", "3", "4")
    table, _ = read(write(HEADER, *(f"{row.rpartition(',')[0]}," for row in ROWS)))
    assert table.sizes.tolist() == [9] * 4  # empty cells at the end


def test_a_model_reads_shorter_and_longer_sequences(write):
    _, found = read(write(HEADER, *ROWS))
    longer, _ = read(write(f"{HEADER},t10,x", *(f"{row},7,8" for row in ROWS)), found)
    assert longer.sizes.tolist() == [11] * 4
    with pytest.raises(GatewiseError, match="has no column 't0' for the first step"):
        read(write(HEADER.replace("t0", "u0"), *ROWS), found)
    named = LongColumns(channels=("t1", "t0"), wide="rows")
    exact, found = read(write(HEADER, *ROWS), named)
    assert exact.values[:2, 0].tolist() == [0.1, 0.0]
    assert (found.channels, found.first_step) == (("t1", "t0"), None)


def test_targets_weights_and_groups_are_columns(write):
    lines = [f"w,g,y,{HEADER}", *(f"{row + 1},p{row // 2},{row / 2},{line}" for row, line in enumerate(ROWS))]
    given = LongColumns(weight="w", group="g", targets=("y",))
    table, _ = read(write(*lines), given, numeric=True)
    assert table.targets.tolist() == [[0.0], [0.5], [1.0], [1.5]]
    assert table.weights.tolist() == [1, 2, 3, 4]
    assert table.groups.tolist() == ["p0", "p0", "p1", "p1"]
    assert "not used: 'label'" in table.notes[0]


@pytest.mark.parametrize("change", ["repeated", "time", "few"])
def test_other_tables_have_a_row_for_each_step(write, change):
    lines = [HEADER, *ROWS]
    if change == "repeated":
        lines = [HEADER, *(row.replace(f"s{number}", f"s{number // 2}") for number, row in enumerate(ROWS))]
        lines = [line.replace(",a,", ",b,") for line in lines]
    elif change == "time":
        lines = [f"day,{HEADER}", *(f"{number},{row}" for number, row in enumerate(ROWS))]
    else:
        lines = [",".join(line.split(",")[:6]) for line in lines]
    table, found = read(write(*lines))
    assert found.wide is None
    assert len(table.channels) == (4 if change == "few" else 10)
    if change == "few":
        assert len(read(write(*lines), WIDE)[0].channels) == 1


def test_files_of_the_ucr_archive_have_the_class_first(write):
    rows = [f"{row % 2 + 1}\t" + "\t".join(f"{row}.{step}" for step in range(5)) for row in range(4)]
    rows[1] = rows[1].rpartition("\t")[0] + "\tNaN"
    path = write(*rows, name="Waves_TRAIN.tsv")
    table, found = read(path)
    assert table.classes == ("1", "2")
    assert table.sizes.tolist() == [5, 4, 5, 5]
    assert (found.label, found.dialect.header) == ("1", False)
    bare, _ = read(path, replace(found, label=None), labelled=False)
    assert np.array_equal(bare.values, table.values)  # without the class
    with pytest.raises(GatewiseError):
        read(write(*rows, name="waves.tsv"))  # no name of that archive: not certain


@pytest.mark.parametrize(
    ("names", "first", "last"),
    [
        ([*(f"x{step}" for step in range(8)), *(f"y{step}" for step in range(4))], "y0", "y3"),
        ([f"t{step}" for step in range(13) if step != 8], "t9", "t12"),
        (["t1", "t0", *(f"t{step}" for step in range(2, 12))], "t1", "t0"),
        ([f"{step / 10}" for step in range(2, 14)], "1.0", "1.3"),
    ],
    ids=["two channels", "a gap", "another order", "decimals"],
)
def test_columns_beside_the_steps_that_may_be_steps_are_refused(write, names, first, last):
    lines = [",".join(["label", *names])]
    lines += [",".join(["ba"[row % 2], *(f"{row}.{step}" for step in range(12))]) for row in range(4)]
    with pytest.raises(GatewiseError, match=f"'{first}' to '{last}' too; name all columns of the"):
        read(write(*lines))
    table, _ = read(write(*lines), replace(WIDE, channels=tuple(names)))
    assert table.sizes.tolist() == [12] * 4


def test_other_numbered_columns_are_not_steps(write):
    rows = [f"{row},p1,p2,p3" for row in ROWS]
    table, _ = read(write(f"{HEADER},place1,place2,place3", *rows))
    assert table.sizes.tolist() == [10] * 4
    assert "not used: 'place1', 'place2', 'place3'" in table.notes[0]


def test_a_label_without_a_name_is_looked_for_at_both_ends(write):
    lines = [f"{row % 2},{row}.5,-1,0.5,2,3,4,5,6" for row in range(4)]
    with pytest.raises(GatewiseError, match=r"the columns are 1 to 9: it may be --label 1 or --label 9$"):
        read(write(*lines))
    assert read(write(*lines), LongColumns(label="1"))[0].classes == ("0", "1")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("s1,a,1.0,", "s1,a,,", "line 3, column 't0' is empty: give a number, or --fill forward"),
        ("1.3", "high", "line 3, column 't3': expected a number, got 'high'"),
        ("s1,a,", "s1,,", "line 3, column 'label' is empty: give the label"),
        ("s2,b," + ",".join(f"2.{step}" for step in range(10)), "s2,b" + "," * 10, "line 4 has no values"),
        ("s1,", "s0,", "two rows have the id 's0'; --id COLUMN names another column"),
        (",label,", ",kind,", "no column with the name of a label among kind, beside its steps; .* --label"),
    ],
)
def test_a_mistake_is_found_by_its_line(write, old, new, message):
    text = "\n".join([HEADER, *ROWS])
    assert old in text
    with pytest.raises(GatewiseError, match=message) as caught:
        read(write(*text.replace(old, new, 1).splitlines()), WIDE)
    assert "\n" not in str(caught.value)


def test_empty_cells_are_filled_on_request(write):
    rows = [row.replace("s1,a,1.0,1.1", "s1,a,1.0,") for row in ROWS]
    table, _ = read(write(HEADER, *rows), fill="forward")
    assert table.values[10:13, 0].tolist() == [1.0, 1.0, 1.2]
    assert "empty cells filled with the value before them: 1" in table.notes


def test_decimal_commas_and_markers_are_noted(write):
    rows = [row.replace(",", ";").replace(".", ",") for row in ROWS]
    rows[1] = rows[1].replace("1,1", "-9")
    columns = replace(WIDE, dialect=Dialect(missing=("-9",)))
    table, _ = read(write(HEADER.replace(",", ";"), *rows), columns, fill="forward")
    assert table.values[10:13, 0].tolist() == [1.0, 1.0, 1.2]
    assert "decimals are written with a comma: 't0', 't1', 't2' and 7 more" in table.notes
    assert "empty cells marked by -9: 1 (column 't1')" in table.notes


def test_a_wide_table_has_no_times(write):
    with pytest.raises(GatewiseError, match="the columns of a wide table are its steps; leave --time out"):
        read(write(HEADER, *ROWS), LongColumns(time="t0", wide="rows"))

"""Folders of CSV files: one table, whose rows are those of their files."""

import shutil

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.long_table import read_long
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.table import column_names, read_table
from gatewise.errors import GatewiseError
from gatewise.tasks import choose_task


@pytest.fixture
def write(tmp_path):
    """Writes texts to files in a folder, by their names."""

    def to(files):
        folder = tmp_path / "sales"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True, parents=True)
            (folder / name).write_text(text)
        return folder

    return to


def test_files_are_one_table_in_the_order_of_their_numbers(write):
    folder = write({f"part-{part}.csv": f"day,sold\n{part},{part / 2}\n" for part in (10, 2, 1)})
    write({"part-3.csv": "sold,day\n1.5,3\n", ".hidden.csv": "x\n", "notes.txt": ""})
    table = read_table(folder, Dialect())
    assert table.columns == column_names(folder) == ["day", "sold"]
    assert table.frame["day"].to_list() == ["1", "2", "3", "10"]
    assert table.frame["sold"].to_list() == ["0.5", "1.0", "1.5", "5.0"]
    note = "4 CSV files of the folder are read as one table; other files and folders, which are not read: 1"
    assert table.file_notes == (note,)


def test_a_row_is_the_line_of_its_file(write):
    folder = write({"a.csv": "x,y\n1,2\n\n3,4\n", "b.csv": "# moved\nx,y\n5,6\n7,?!\n"})
    with pytest.raises(GatewiseError, match=r"sales, line 4 of b\.csv, column 'y': expected a number"):
        read_table(folder, Dialect()).numbers("y", "target")


def test_lines_of_files_that_are_said_to_have_no_header(write):
    rows = [f"{part},a,{value}\n" for part in "st" for value in ("1", "2", "x")]
    folder = write({"1.csv": "".join(rows[:3]), "2.csv": "".join(rows[3:])})
    with pytest.raises(GatewiseError, match=r"line 3 of 1\.csv, column '3': expected a number"):
        read_table(folder, Dialect(header=False)).numbers("3", "target")
    write({"1.csv": "s,a,1\ns,a,2\n", "2.csv": "t,a,1\nt,a,2\nt,a,\n"})
    with pytest.raises(GatewiseError, match=r"line 3 of 2\.csv, column '3' is empty"):
        read_long(folder, LongColumns(id="1", label="2", dialect=Dialect(header=False)))


def test_comments_have_the_name_of_their_file(write):
    folder = write({"a.csv": "x,y\n1,2\n", "b.csv": "# moved\nx,y\n5,6\n", "c.csv": "x,y\n# more\n7,8\n"})
    note = "left out as comments: 2 lines beginning with #, the first in line 1 of b.csv"
    assert read_table(folder, Dialect()).file_notes[1:] == (note,)


STEPS = {"a.csv": "id,x,y\ns0,1,a\ns0,2,a\ns1,3,b\n", "b.csv": "id,x,y\ns0,1,a\ns1,3,b\n"}


def test_an_id_that_begins_again_in_another_file_is_refused(write):
    folder = write(STEPS)
    message = r"sales: the sequence 's0' of a\.csv begins again in line 2 of b\.csv; give each sequence an id"
    with pytest.raises(GatewiseError, match=message):
        read_long(folder, LongColumns(label="y"))
    write({"b.csv": "id,x,y\ns1,4,b\ns2,5,a\n", "c.csv": "id,x,y\ns2,6,a\ns3,7,b\ns2,8,a\n"})
    table, _ = read_long(folder, LongColumns(label="y"))
    assert table.sizes.tolist() == [2, 2, 3, 1]
    write({"d.csv": "id,x,y\ns3,7,b\n"})  # s2 was the last
    with pytest.raises(GatewiseError, match=r"'s3' of c\.csv begins again in line 2 of d\.csv"):
        read_long(folder, LongColumns(label="y"))


def test_files_of_the_same_sequence_alone_are_refused(write):
    folder = write({"a.csv": "id,x,y\ns,1,a\n", "b.csv": "id,x,y\nt,2,b\nt,2,b\n"})
    assert read_long(folder, LongColumns(label="y"))[0].sizes.tolist() == [1, 2]
    write({"c.csv": "id,x,y\nt,3,b\n"})
    message = r"sales: all rows of b\.csv and c\.csv are of the sequence 't'; give each sequence an id of its"
    with pytest.raises(GatewiseError, match=message):
        read_long(folder, LongColumns(label="y"))
    write({"c.csv": "id,x,y\nt,3,b\nu,3,b\n"})
    assert read_long(folder, LongColumns(label="y"))[0].sizes.tolist() == [1, 3, 1]


def test_names_of_folders_are_columns(write):
    empty = "kind=__HIVE_DEFAULT_PARTITION__"
    names = ["store=2/kind=a%20b/x.csv", f"store=2/{empty}/x.csv", "store=11/kind=c/x.csv"]
    folder = write({name: f"day,sold\n1,{number}\n" for number, name in enumerate(names)})
    write({"run/leaderboard.csv": "model\nlstm\n", "store=2/notes.txt": ""})
    table = read_table(folder, Dialect())
    assert table.columns == column_names(folder) == ["day", "sold", "store", "kind"]
    assert sorted(table.frame["store"]) == ["11", "2", "2"]
    assert dict(table.frame.select("sold", "kind").rows()) == {"0": "a b", "1": None, "2": "c"}
    assert table.numbers("store", "covariate").tolist() == [2, 2, 11]
    assert table.file_notes == (
        "3 CSV files of the folder are read as one table, column 'store' from the names of folders, column "
        "'kind' from the names of folders; other files and folders, which are not read: 2",
    )
    assert table.place(2) == "line 2 of store=11/kind=c/x.csv"
    write({"store=2/y.csv": "day,sold\n2,2\n"})
    with pytest.raises(GatewiseError, match=r"does not have the columns of .* in folders of one depth"):
        read_table(folder)


def test_a_column_that_repeats_the_name_of_a_folder_must_agree(write):
    folder = write({"month=01/a.csv": "month,y\n1,5\n 1,6\n", "month=02/a.csv": "month,y\n02,7\n"})
    assert read_table(folder, Dialect()).frame["y"].to_list() == ["5", "6", "7"]
    write({"month=02/a.csv": "month,y\n02,7\n3,8\n"})
    with pytest.raises(GatewiseError, match=r"a\.csv, line 3: column 'month' has '3', and .* has '02'; ren"):
        read_table(folder, Dialect())


def test_times_tell_the_rows_of_files_apart(write):
    folder = write({name: "id,t,x,y\n" + f"s0,{day},1,a\ns1,{day},2,b\n" for day, name in enumerate(STEPS)})
    table, _ = read_long(folder, LongColumns(label="y", time="t"))
    assert table.values[:].ravel().tolist() == [1, 1, 2, 2]


@pytest.mark.parametrize("text", ["x,z\n1,2\n", "x;y\n1;2\n", "x,y,z\n1,2,3\n"])
def test_other_columns_are_refused_with_the_file(write, text):
    folder = write({"a.csv": "x,y\n1,2\n", "b.csv": text})
    with pytest.raises(GatewiseError, match=r"b\.csv does not have the columns of .*a\.csv: x"):
        read_table(folder)


def test_series_and_sequences(write, tmp_path):
    days = [f"2024-01-{day:02}" for day in range(1, 13)]
    rows = {n: "".join(f"s{n},{day},{n + place}\n" for place, day in enumerate(days)) for n in range(3)}
    folder = write({f"{n}.csv": "id,day,y\n" + own for n, own in rows.items()})
    found = gw.look(folder, id="id")
    assert found.problem is None
    assert found.series["rows"].to_list() == [12] * 3
    steps = {f"{n}.csv": "id,t,x,label\n" + f"s{n},0,{n},{'ab'[n]}\ns{n},1,5,{'ab'[n]}\n" for n in range(2)}
    other = tmp_path / "steps"
    other.mkdir()
    for name, text in steps.items():
        (other / name).write_text(text)
    (other / "plot.png").touch()
    assert choose_task("classify", other, {}).name == "classify"
    (other / "cats").mkdir()
    (other / "cats" / "1.png").touch()
    assert choose_task("classify", other, {}).name == "classify-images"
    shutil.rmtree(other / "cats")
    table, _ = read_long(other, LongColumns())
    assert table.values[:].ravel().tolist() == [0, 5, 1, 5]
    assert table.place(3) == "line 3 of 1.csv"
    assert table.notes[0].startswith("2 CSV files of the folder are read as one table")


def test_a_model_reads_a_folder_from_training_to_prediction(write):
    random = np.random.default_rng(0)
    files = {
        f"{n}.csv": pl.DataFrame(random.normal(size=(5, 2)), schema=["x", "y"])
        .with_columns(id=pl.lit(f"s{n}"), label=pl.lit("ab"[n % 2]))
        .write_csv()
        for n in range(12)
    }
    folder = write(files)
    with gw.backend("reference"):
        model = gw.Classifier(
            cell="rnn", hidden=2, epochs=1, network="stack", progress=False, baselines=False
        ).fit(folder)
        assert model.predict(folder)["id"].to_list() == [f"s{n}" for n in range(12)]
        assert 0 <= model.score(folder) <= 1

"""Folders of Parquet files: one table, with the names of folders as columns."""

import polars as pl
import pytest

import gatewise as gw
from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.long_table import read_long
from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.table import column_names, read_table
from gatewise.errors import GatewiseError


@pytest.fixture
def write(tmp_path):
    """Writes frames to files in a folder, by their names."""

    def to(files):
        for name, columns in files.items():
            path = tmp_path / "sales.parquet" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pl.DataFrame(columns).write_parquet(path)
        return tmp_path / "sales.parquet"

    return to


def test_files_are_read_in_the_order_of_their_numbers(write):
    folder = write({f"part-{part}.parquet": {"day": [part], "sold": [part / 2]} for part in (10, 2, 1)})
    (folder / "_SUCCESS").touch()
    (folder / ".hidden.parquet").touch()
    table = read_table(folder)
    assert table.frame["day"].to_list() == [1, 2, 10]
    assert table.file_notes == ("3 Parquet files of the folder are read as one table",)
    (folder / "notes.txt").touch()
    assert read_table(folder).file_notes[0].endswith("as one table; other files, which are not read: 1")


def test_names_of_folders_are_columns(write):
    days = pl.Series(["2024-01-01", "2024-01-02", "2024-01-03"]).str.to_date()
    folder = write(
        {
            f"store={store}/kind={kind}/0.parquet": {"date": days, "y": [float(store)] * 3}
            for store in (2, 11)
            for kind in ("a%20b", "__HIVE_DEFAULT_PARTITION__")
        }
    )
    assert column_names(folder) == ["date", "y", "store", "kind"]
    frame = read_table(folder).frame
    assert frame["store"].dtype == pl.Int64
    assert frame["kind"].unique().sort().to_list() == [None, "a b"]
    given = Columns(id="store", observed=("kind",), categorical=("kind",), target="y")
    with pytest.raises(GatewiseError, match="parquet both have the time 2024-01-01 in series '2'"):
        read_series(folder, given)


def test_series_and_sequences(write):
    days = pl.Series(["2024-01-01", "2024-01-02", "2024-01-03"]).str.to_date()
    folder = write({f"shop={shop}/0.parquet": {"date": days, "y": [shop, 2, 3]} for shop in (1, 2)})
    found = read_series(folder, Columns(id="shop"))
    assert [series.target.tolist() for series in found.series] == [[1, 2, 3], [2, 2, 3]]
    assert "column 'shop' from the names of folders" in found.notes[0]
    assert gw.look(folder, id="shop").problem is None
    sequences = {f"id={n}/x.parquet": {"t": [2, 1], "x": [n, 5], "label": ["ab"[n]] * 2} for n in range(2)}
    steps, columns = read_long(
        write({f"s/{name}": one for name, one in sequences.items()}) / "s", LongColumns()
    )
    assert steps.values[:].tolist() == [[5], [0], [5], [1]]
    assert columns.id == "id"
    assert steps.notes[0].startswith("2 Parquet files of the folder are read as one table")


def test_other_columns_are_refused_with_the_file(write):
    folder = write({"a.parquet": {"x": [1]}, "b.parquet": {"x": ["1"]}})
    with pytest.raises(GatewiseError, match=r"b.parquet does not have the columns of .*: x String, and"):
        read_table(folder)
    deep = write({"c/k=1/a.parquet": {"x": [1]}, "c/a.parquet": {"x": [1]}}) / "c"
    with pytest.raises(GatewiseError, match="in folders of one depth"):
        read_table(deep)


def test_columns_in_another_order_are_read_by_name(write):
    folder = write({"a.parquet": {"x": [1], "y": [2]}, "b.parquet": {"y": [4], "x": [3]}})
    assert read_table(folder).frame.rows() == [(1, 2), (3, 4)]


def test_a_file_that_repeats_the_name_of_its_folder_must_agree(write):
    folder = write({f"k={k}/0.parquet": {"k": [k, k], "x": [1, 2]} for k in "ab"})
    table = read_table(folder)
    assert table.columns == ["k", "x"]
    assert table.file_notes == ("2 Parquet files of the folder are read as one table",)
    folder = write({"other/k=1/0.parquet": {"k": [1, 2], "x": [1, 2]}}) / "other"
    with pytest.raises(GatewiseError, match="column 'k' has '2', and the name of its folder has '1'"):
        read_table(folder)


def test_a_number_in_a_file_may_be_written_otherwise_in_the_name_of_its_folder(write):
    folder = write({f"month=0{m}/0.parquet": {"month": [m, m], "x": [1, 2]} for m in (1, 2)})
    assert read_table(folder).frame["month"].to_list() == [1, 1, 2, 2]
    write({"month=03/0.parquet": {"month": [3, None], "x": [1, 2]}})
    with pytest.raises(GatewiseError, match="column 'month' has None, and the name of its folder has '03'"):
        read_table(folder)
    write({"month=03/0.parquet": {"month": [3, 4], "x": [1, 2]}})
    with pytest.raises(GatewiseError, match="column 'month' has '4', and the name of its folder has '03'"):
        read_table(folder)


def test_an_id_that_begins_again_in_another_file_is_refused(write):
    steps = {"id": ["s0", "s1"], "x": [1.0, 2.0], "label": ["a", "b"]}
    folder = write({"a.parquet": steps, "k/b.parquet": steps})
    with pytest.raises(
        GatewiseError, match=r"'s0' of a\.parquet begins again in row 1 of k/b\.parquet; give"
    ):
        read_long(folder, LongColumns())


def test_a_row_is_that_of_its_file(write):
    files = {"a.parquet": {"x": ["1", "2"]}, "k/b.parquet": {"x": ["3", "?!"]}}
    with pytest.raises(
        GatewiseError, match=r"sales\.parquet, row 2 of k/b\.parquet, column 'x': expected a number"
    ):
        read_table(write(files)).numbers("x", "target")


def test_a_folder_without_parquet_files_and_a_damaged_file(write, tmp_path):
    with pytest.raises(GatewiseError, match="give a CSV or a Parquet file, or a folder of such files"):
        read_table(tmp_path)
    folder = write({"a.parquet": {"x": [1]}})
    (folder / "b.parquet").write_bytes(b"PAR1")
    with pytest.raises(GatewiseError, match="can't be read as a table") as caught:
        read_table(folder)
    assert "\n" not in str(caught.value)

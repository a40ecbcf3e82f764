"""Tables in Parquet files, in batches of rows that hold whole series."""

import polars as pl
import pytest

from gatewise.data.tables.row_batches import open_batches
from gatewise.errors import GatewiseError


def batches(frame, path, together, rows, **options):
    frame.write_parquet(path, **options)
    opened = open_batches(path, together)
    return list(opened.after(0, rows))


def test_series_stay_whole_and_every_row_is_in_one_batch(tmp_path):
    lengths = [3, 1, 12, 2, 2, 5]
    frame = pl.DataFrame(
        {
            "shop": [name for name, length in zip("dbacfe", lengths, strict=True) for _ in range(length)],
            "day": range(sum(lengths)),
        }
    )
    found = batches(frame, tmp_path / "t.parquet", ["shop"], rows=4, row_group_size=3)
    assert pl.concat([batch for _, batch in found]).equals(frame)
    assert [first for first, _ in found] == [batch["day"][0] for _, batch in found]
    shops = [set(batch["shop"]) for _, batch in found]
    assert shops == [{"d", "b"}, {"a", "c", "f"}, {"e"}]  # 12 rows of one series: a batch of 16


def test_several_columns_and_missing_values_identify_a_series(tmp_path):
    frame = pl.DataFrame(
        {"land": ["x", "x", "x", None, None, None], "shop": [1, 1, 2, 2, 2, None], "v": range(6)}
    )
    by_two = batches(frame, tmp_path / "t.parquet", ["land", "shop"], rows=2)
    assert [batch["v"].to_list() for _, batch in by_two] == [[0, 1], [2], [3, 4], [5]]
    found = batches(frame, tmp_path / "t.parquet", ["land", "shop"], rows=3)
    assert [batch["v"].to_list() for _, batch in found] == [[0, 1, 2], [3, 4, 5]]


def test_without_series_batches_have_the_rows_that_were_asked_for(tmp_path):
    frame = pl.DataFrame({"v": range(10)})
    assert [batch.height for _, batch in batches(frame, tmp_path / "t.parquet", [], rows=4)] == [4, 4, 2]


def test_a_folder_of_files_is_one_table(tmp_path):
    for part in (1, 2):
        folder = tmp_path / "all" / f"part={part}"
        folder.mkdir(parents=True)
        pl.DataFrame({"id": [part, 7 + part], "v": [part, part]}).write_parquet(folder / "a.parquet")
    opened = open_batches(tmp_path / "all", ["id"])
    assert opened.height == 4
    assert [batch["part"].to_list() for _, batch in opened.after(2, 2)] == [[2, 2]]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"id": ["a", "b", "a"]}, "3 pieces of 2 series; sort the table by 'id'"),
        ({"v": [1, 2]}, "has no column 'id', which identifies series; it has v"),
        ({"id": []}, "has no rows to predict"),
    ],
)
def test_a_table_that_can_not_be_divided(tmp_path, frame, message):
    path = tmp_path / "t.parquet"
    pl.DataFrame(frame).write_parquet(path)
    with pytest.raises(GatewiseError, match=message):
        open_batches(path, ["id"])


@pytest.mark.parametrize("name", ["t.csv", "broken.parquet", "empty"])
def test_what_is_no_parquet_file(tmp_path, name):
    path = tmp_path / name
    path.mkdir() if name == "empty" else path.write_text("id,v\n1,2\n")
    with pytest.raises(GatewiseError, match="Parquet file"):
        open_batches(path, [])

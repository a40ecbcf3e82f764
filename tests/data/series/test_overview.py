"""Overviews of tables of series: what is missing is counted, and a refusal is quoted."""

from datetime import timedelta

import polars as pl

from gatewise.data.series.overview import look_at_series
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.table import Table
from gatewise.plots.series import draw_series, shades_gaps

DAYS = [1, 2, 3, 4, 7, 7, 8, 9]


def sales():
    """Two shops: the first without two days and with a day twice, the second with empty cells."""
    times = [f"2024-01-{day:02d}" for day in DAYS]
    second = [f"2024-01-{day:02d}" for day in range(1, 9)]
    return pl.DataFrame(
        {
            "": range(16),
            "day": times + second,
            "shop": ["a"] * 8 + ["b"] * 8,
            "sold": [*map(str, range(8)), "", "2", "NA", "NA", "5", "6", "7", ""],
            "note": [None] * 16,
        }
    )


def look(table, **columns):
    return look_at_series(Table("the frame", table, 1), Columns(**columns))


def test_columns_and_faults():
    found = look(sales(), id="shop", target="sold")
    assert found.columns.rows() == [
        ("", "row numbers", "", 0, "0 to 15"),
        ("day", "times", "time", 0, "2024-01-01 to 2024-01-09"),
        ("shop", "texts", "id", 0, "2 different: 'a', 'b'"),
        ("sold", "numbers", "target", 4, "0 to 7"),
        ("note", "empty", "", 16, ""),
    ]
    assert found.series.rows() == [
        ("a", 8, "2024-01-01", "2024-01-09", 2, 1, 0, 0),
        ("b", 8, "2024-01-01", "2024-01-08", 0, 0, 0, 4),
    ]
    assert found.sentences() == [
        "2 series of 8 rows, with a step of one day",
        "missing steps: 2, in 'a'",
        "rows with the time of another row: 1, in 'a'",
        "rows without a value: 4, in 'b'",
    ]
    assert "row 5 and row 6 both have the time 2024-01-07 in series 'a'" in found.problem
    panels = draw_series(found).axes
    assert [len(panel.patches) for panel in panels] == [1, 3]  # two days; the beginning, two cells, the end


def test_static_columns_and_a_hierarchy_are_those_that_a_forecast_reads():
    table = pl.concat(
        pl.DataFrame({"t": range(4), "y": range(4), "shop": shop, "city": city, "size": size})
        for shop, city, size in (("a", "x", 1), ("b", "x", 1), ("c", "z", 2))
    )
    ids = {"target": "y", "id": "city,shop", "id_source": None}
    found = look(table, **ids, static=("city",), hierarchy=("city", "shop"))
    assert found.problem is None
    assert found.columns["role"].to_list() == ["time", "target", "id", "id, static", ""]
    assert found.sentences()[0] == "3 series of 4 rows, with a step of one unit"
    note = "hierarchy city/shop are series, too: 3 beside 3 of the table; their ids are 'all'"
    assert f"the sums of the {note}" in found.notes
    assert "static columns: 2 categories of 'city'" in found.notes
    refused = look(table, **ids, static=("size",), hierarchy=("city", "shop"))
    assert "the column 'size' has no value for the sum 'all / all'" in refused.problem


def test_the_season_of_a_filling_is_given():
    table = Table("the frame", pl.DataFrame({"t": [0, 1, 2, 3, 5], "y": [1, 2, 3, 4, 6]}), 1)
    unknown = look_at_series(table, Columns(), fill="seasonal")
    assert "has no usual season; give its steps with --period" in unknown.problem
    assert look_at_series(table, Columns(), fill="seasonal", season=2).problem is None


def test_a_table_that_is_read():
    found = look(pl.DataFrame({"t": range(5), "y": [1, 2, 4, 3, 5]}))
    assert (found.problem, found.rows) == (None, 5)
    assert found.sentences()[1] == "no step is missing, no time is duplicate, no row is without a value"


def test_durations_and_lists_are_shown():
    hours = [timedelta(hours=hour) for hour in range(4)]
    found = look(pl.DataFrame({"t": hours, "y": [1, 2, 4, 3], "z": [[1]] * 4}))
    assert found.problem is None
    assert found.columns["kind"].to_list() == ["times", "numbers", "texts"]
    assert found.columns["values"].to_list() == ["0:00:00 to 3:00:00", "1 to 4", "1 different: '[1]'"]


def test_rows_between_two_steps():
    found = look(pl.DataFrame({"t": [0, 10, 20, 25, 30, 40], "y": range(6)}))
    assert found.series["irregular"].to_list() == [1]
    assert "does not fit a step of 10 units" in found.problem


def test_roles_that_are_not_clear():
    found = look(pl.DataFrame({"day": ["2024-01-01"], "a": [1.5], "b": [2], "c": [True]}))
    assert found.columns["kind"].to_list() == ["times", "numbers", "numbers", "texts"]
    assert found.columns["role"].to_list() == [""] * 4
    assert found.series is None
    assert found.sentences() == []
    assert "the target column could be a, b; " in found.problem


def test_a_wide_table():
    found = look(pl.DataFrame({"V1": ["x", "y"], "V2": [1, 2], "V3": [3, 4], "V4": [5, 6]}))
    assert found.columns["role"].to_list() == ["id", "values", "values", "values"]
    assert found.series["rows"].to_list() == [3, 3]


def test_one_row_and_one_column():
    found = look(pl.DataFrame({"t": [1], "y": [2.5]}))
    assert found.sentences()[0] == "1 series of 1 row"
    assert (found.size, found.step) == ("1 row, 2 columns", None)
    assert draw_series(found).get_suptitle() == "y"
    assert look(pl.DataFrame({"y": [1, 2]})).size == "2 rows, 1 column"


def test_the_figure_explains_shading_where_there_is_some():
    whole = look(pl.DataFrame({"t": [1, 2, 3], "y": [1, 2, 3]}))
    assert draw_series(whole).get_suptitle() == "y, a step of one unit"
    assert not shades_gaps(whole)
    gap = look(pl.DataFrame({"t": [1, 2, 4], "y": [1, 2, 3]}))
    assert draw_series(gap).get_suptitle() == "y, a step of one unit; shaded: missing steps and values"


def test_a_gap_that_is_filled_needs_no_option():
    table = pl.DataFrame({"t": [1, 2, 4], "a": [1, 2, 3], "b": [1, 2, 3]})
    found = look_at_series(Table("the frame", table, 1), Columns(time="t"))
    assert "; fill missing steps with --fill linear or forward; its first rows" in found.problem
    found = look_at_series(Table("the frame", table, 1), Columns(time="t"), fill="mask")
    assert "--fill" not in found.problem


def test_a_target_that_is_not_a_number():
    found = look(pl.DataFrame({"t": range(4), "y": ["1", "2", "3", "many"]}), target="y")
    assert "expected a number, got 'many'" in found.problem
    assert found.columns.row(1) == ("y", "numbers", "target", 0, "1 to many")
    assert found.series["empty"].to_list() == [0]
    assert not draw_series(found).axes[0].patches

"""Wide tables: a column or a row for each series."""

import polars as pl
import pytest

from gatewise.data.series.series import read_series
from gatewise.data.series.wide import has_plain_rows, named_by_times
from gatewise.data.tables.columns import Columns, FoundColumns
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

DAYS = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]
RATES = pl.DataFrame(
    {"date": DAYS, "aud": [1.5, 2, 3, 4], "gbp": [9, 8, 7, 6], "jpy": [None, 100, 101, None]}
)
M4 = pl.DataFrame(
    {
        "V1": ["Y1", "Y2", "Y3"],
        "V2": [1, 4, 7],
        "V3": [2, 5, 8],
        "V4": [3, 6, 9],
        "V5": ["10", "NA", ""],
        "V6": ["11", "", None],
    },
    strict=False,
)
YEARS = pl.DataFrame(
    {"country": ["France", "Spain"], "code": ["FR", "ES"], "1960": [1, 4], "1961": [2, 5], "1962": [3, 6]}
)
COLUMN_CHOICE = "name it with --target COLUMN, or read each as a series with --wide columns"


def values(found):
    return {series.id: series.target.tolist() for series in found.series}


def test_columns_of_series():
    found = read_series(RATES, Columns(wide="columns"))
    assert values(found) == {"aud": [1.5, 2, 3, 4], "gbp": [9, 8, 7, 6], "jpy": [100, 101]}
    assert found.series[2].times[0].isoformat() == "2024-01-02T00:00:00"
    assert found.columns == FoundColumns("date", "value", "series", wide="columns")
    assert found.notes[:2] == (
        "time is column 'date'",
        "each of 3 columns is a series: 'aud', 'gbp', 'jpy'",
    )
    assert "cut off: 1 at the beginning and 1 at the end of 'jpy'" in found.warnings[0]
    assert values(read_series(RATES, found.columns)) == values(found)  # as a model reads new data


def test_columns_of_series_beside_others():
    table = RATES.with_columns(holiday=pl.Series([0, 1, 0, 1]), place=pl.Series(["a"] * 4))
    found = read_series(table, Columns(wide="columns", known=("holiday",), time="date"))
    assert list(values(found)) == ["aud", "gbp", "jpy"]
    assert found.series[0].known[:, 0].tolist() == [0, 1, 0, 1]
    assert found.notes[0].endswith("; not used: 'place'")
    counted = read_series(RATES.drop("date"), Columns(wide="columns", time="none"))
    assert counted.series[0].times.to_list() == [0, 1, 2, 3]


def test_names_that_are_taken():
    found = read_series(RATES.rename({"aud": "value", "gbp": "series"}), Columns(wide="columns"))
    assert (found.columns.id, found.columns.target) == ("series_", "value_")


def test_rows_of_series():
    found = read_series(M4)
    assert values(found) == {"Y1": [1, 2, 3, 10, 11], "Y2": [4, 5, 6], "Y3": [7, 8, 9]}
    assert found.columns == FoundColumns("step", "value", "V1", time_source=(), wide="rows")
    assert found.notes[0] == (
        "each of 3 rows is a series, identified by column 'V1', with 5 values in the columns 'V2' to 'V6' "
        "(--target COLUMN reads a column instead)"
    )
    assert values(read_series(M4, found.columns)) == values(found)


def test_rows_of_series_with_times():
    found = read_series(YEARS)
    assert values(found) == {"France": [1, 2, 3], "Spain": [4, 5, 6]}
    assert found.series[0].times.to_list() == [1960, 1961, 1962]
    assert "'1960' to '1962'; not used: 'code'" in found.notes[0]
    both = read_series(YEARS, Columns(id="country,code"))
    assert list(values(both)) == ["France / FR", "Spain / ES"]
    quarters = read_series(YEARS.rename({"1960": "1960Q1", "1961": "1960Q2", "1962": "1960Q3"}))
    assert (str(quarters.step), quarters.columns.time) == ("quarter", "time")
    counted = read_series(YEARS.drop("code"), Columns(wide="rows", time="none"))
    assert counted.series[0].times.to_list() == [0, 1, 2]


def test_rows_without_ids_are_numbered():
    found = read_series(M4.drop("V1"), Columns(wide="rows"))
    assert list(values(found)) == ["1", "2", "3"]
    assert values(read_series(M4.drop("V1"), found.columns)) == values(found)


def test_an_empty_column_is_a_step_too():
    table = M4.with_columns(V3=pl.Series(["", "", ""]))
    found = read_series(table, fill="linear")
    assert values(found)["Y1"] == [1, 2, 3, 10, 11]


@pytest.mark.parametrize(
    "table",
    [
        RATES,  # its columns may be covariates of one series
        pl.DataFrame({"x1": [1, 2], "x2": [3, 4], "x3": [5, 6]}),
        M4.with_columns(V1=pl.Series(["a", "a", "b"])),
        M4.rename({"V4": "V9"}),
        M4.drop("V4", "V5", "V6"),
        YEARS.rename({"country": "month"}),
        YEARS.with_columns(code=pl.Series(["2024-01-01", "2024-01-02"])),
        YEARS.rename({"1961": "1959"}),
        pl.DataFrame({"a": ["x", "y"], "1": [1, 2], "2": [3, 4]}),
    ],
)
def test_other_tables_are_not_taken_for_rows(table):
    assert not has_plain_rows(Table("the frame", table, 1), Columns())


@pytest.mark.parametrize("columns", [Columns(target="V2"), Columns(time="V2"), Columns(known=("V2",))])
def test_rows_are_not_looked_for_where_a_role_is_given(columns):
    assert not has_plain_rows(Table("the frame", M4, 1), columns)


@pytest.mark.parametrize(
    ("names", "times"),
    [
        (["a", "202401", "202402", "202403"], ["202401", "202402", "202403"]),
        (["Jan 2024", "Feb 2024", "Mar 2024", "sum"], ["Jan 2024", "Feb 2024", "Mar 2024"]),
        (["1500.5", "1501.5", "1502.5"], []),
        (["100", "200", "300"], []),
        (["2024-01", "2024-02"], []),
    ],
)
def test_names_that_are_times(names, times):
    assert named_by_times(names) == times


@pytest.mark.parametrize(
    ("table", "columns", "message"),
    [
        (RATES, {}, f"the target column could be aud, gbp, jpy; {COLUMN_CHOICE}"),
        (RATES, {"wide": "columns", "target": "aud"}, "each column of numbers is a series; the column 'aud'"),
        (RATES, {"wide": "columns", "known": ("x",)}, "has no column 'x' for the covariate"),
        (RATES.select("date"), {"wide": "columns"}, "no column of numbers for a series beside date"),
        (
            RATES,
            {"wide": "rows", "time": "date"},
            "the names of its columns are not times; --time none counts",
        ),
        (M4, {"wide": "rows", "id": "x"}, "has no column 'x' for the id"),
        (M4.select("V1"), {"wide": "rows"}, "has no columns of numbers for the values of a series"),
        (
            M4,
            {"wide": "rows", "known": ("V2",)},
            "each row has the values of a series; the column 'V2' can't",
        ),
        (
            M4.with_columns(V4=pl.Series(["3", "x", "9"])),
            {},
            "row 2, column 'V4': expected a number, got 'x'",
        ),
        (
            M4.with_columns(V3=pl.Series(["2", "", "8"])),
            {},
            r"row 2 \(column 'V3'\), column 'value' is empty; --",
        ),
        (
            YEARS.with_columns(country=pl.Series(["a", "a"]), code=pl.Series(["b", "b"])),
            {},
            "no column identifies each row; give several, such as --id country,code",
        ),
    ],
)
def test_refusals(table, columns, message):
    with pytest.raises(GatewiseError, match=message):
        read_series(table, Columns(**columns))


def test_wide_tables_in_other_dialects(tmp_path):
    path = tmp_path / "rates.csv"
    path.write_text("2024-01-01;1,5;7\n2024-01-02;-999;8\n2024-01-03;2,5;9\n")
    columns = Columns(wide="columns", dialect=Dialect(missing=("-999",)))
    found = read_series(path, columns, fill="linear")
    assert values(found) == {"2": [1.5, 2, 2.5], "3": [7, 8, 9]}
    assert "decimals are written with a comma: '2'" in found.notes
    assert "empty cells marked by -999: 1 (column '2')" in found.notes

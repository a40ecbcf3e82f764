"""Known covariates of the future from a file of their own."""

import polars as pl
import pytest

from gatewise.data.series.scenario import with_scenario
from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.errors import GatewiseError

COLUMNS = Columns("month", "sold", "shop", known=("price", "day"), categorical=("day",))


def history():
    """Two shops, of which one ends a month before the other."""
    months = ["2020-01", "2020-02", "2020-03", "2020-04"]
    a = pl.DataFrame(
        {"shop": "a", "month": months, "sold": [1, 2, 3, 4], "price": 1.0, "day": ["x", "", "x", ""]}
    )
    b = a.with_columns(shop=pl.lit("b")).head(3)
    return read_series(pl.concat([a, b]), COLUMNS)


def future(tmp_path, *rows):
    path = tmp_path / "future.csv"
    path.write_text("day,price,shop,month\n" + "".join(f"{row}\n" for row in rows))
    return path


A, B = ("y,5,a,2020-06", "x,4,a,2020-05"), ("x,7,b,2020-04", "x,8,b,2020-05")


def test_the_rows_after_the_end_of_each_series(tmp_path):
    found = with_scenario(history(), future(tmp_path, *A, *B), 2)
    a, b = found.series
    assert (len(a), len(a.times), len(b), len(b.times)) == (4, 6, 3, 5)
    assert a.times.dt.strftime("%Y-%m").to_list()[4:] == ["2020-05", "2020-06"]
    assert a.known[:, 0].tolist() == [1, 1, 1, 1, 4, 5]
    assert b.known[:, 0].tolist() == [1, 1, 1, 7, 8]
    names = a.categories[1]
    assert [names[int(code) - 1] for code in a.known[:, 1]] == ["x", "", "x", "", "x", "y"]
    assert found.warnings == ()


def test_the_columns_of_a_wide_table_have_one_scenario(tmp_path):
    months = ["2020-01", "2020-02", "2020-03", "2020-04"]
    table = pl.DataFrame({"month": months, "a": [1, 2, 3, 4], "b": [4, 3, 2, 1], "price": 1.0})
    source = read_series(table, Columns(wide="columns", known=("price",)))
    path = tmp_path / "future.csv"
    path.write_text("month,price\n2020-06,5\n2020-05,4\n2020-07,6\n")
    found = with_scenario(source, path, 2)
    assert [series.known[:, 0].tolist() for series in found.series] == [[1, 1, 1, 1, 4, 5]] * 2
    assert found.warnings == (f"{path}: rows of other times or series, which are not used: 1",)
    path.write_text("month,series,price\n2020-05,a,4\n2020-05,b,5\n")  # in long form
    found = with_scenario(source, path, 1)
    assert [series.known[-1, 0] for series in found.series] == [4, 5]


def test_rows_that_are_not_used_are_counted(tmp_path):
    found = with_scenario(history(), future(tmp_path, *A, *B, "x,1,a,2020-04", "x,1,c,2020-05"), 2)
    assert found.warnings == (
        f"{tmp_path / 'future.csv'}: rows of other times or series, which are not used: 2",
    )


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (A, " has no rows of series 'b', which the data have"),
        ((A[1], *B), " lacks 1 of the 2 times to forecast of series 'a': 2020-06-01"),
        ((*A, *B, "x,9,b,2020-05"), ": line 5 and line 6 have the same time in series 'b'; keep one"),
        ((*A, B[0], "x,,b,2020-05"), ", line 5, column 'price' is empty"),
        ((*A, B[0], "x,high,b,2020-05"), ", line 5, column 'price': expected a number, got 'high'"),
    ],
    ids=["series", "time", "twice", "empty", "text"],
)
def test_what_is_missing_is_named(tmp_path, rows, problem):
    path = future(tmp_path, *rows)
    with pytest.raises(GatewiseError) as refused:
        with_scenario(history(), path, 2)
    assert str(refused.value).startswith(f"{path}{problem}")


def test_a_column_that_is_missing_is_named(tmp_path):
    path = tmp_path / "future.csv"
    path.write_text("shop,month,price\na,2020-05,1\n")
    with pytest.raises(
        GatewiseError, match="has no column 'day' for the known covariate; it has shop, month, price"
    ):
        with_scenario(history(), path, 2)


def test_series_without_known_covariates_or_times_have_no_scenario(tmp_path):
    path = future(tmp_path, *A)
    plain = pl.DataFrame({"sold": [1, 2, 3], "price": [1, 1, 1]})
    for columns, lack in (
        (Columns("none", "sold"), "known covariates"),
        (Columns("none", "sold", known=("price",)), "times: their rows are counted"),
    ):
        with pytest.raises(GatewiseError) as refused:
            with_scenario(read_series(plain, columns), path, 2)
        assert (
            str(refused.value)
            == f"the series have no {lack}; predict without --known-from, got {str(path)!r}"
        )

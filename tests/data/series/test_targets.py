"""Several targets of a table: a series for each, and predictions in the columns that went in."""

import numpy as np
import polars as pl
import pytest

from gatewise.data.series.overview import look_at_series
from gatewise.data.series.scenario import with_scenario
from gatewise.data.series.series import read_series
from gatewise.data.series.targets import by_target
from gatewise.data.series.timed_table import open_series
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.names import split_names
from gatewise.errors import GatewiseError
from gatewise.tasks.forecast.options import ForecastTableOptions

SALES = pl.DataFrame(
    {
        "shop": ["a"] * 4 + ["b"] * 4,
        "day": [*range(4)] * 2,
        "sold": [1.0, 2, 3, 4, 5, 6, 7, 8],
        "price": [9.0, 8, 7, 6, 5, 4, 3, -999],
        "size": [1] * 4 + [2] * 4,
    }
)
COLUMNS = Columns("day", "sold,price", "shop", observed=("price",), static=("size",))


def test_each_target_of_each_id_is_a_series_with_the_name_of_its_target():
    source = read_series(SALES, COLUMNS)
    assert [(series.id, series.static) for series in source.series] == [
        ("a / sold", ("sold", 1.0)),
        ("b / sold", ("sold", 2.0)),
        ("a / price", ("price", 1.0)),
        ("b / price", ("price", 2.0)),
    ]
    assert [series.target[0] for series in source.series] == [1, 5, 9, 5]
    assert [series.observed[0, 0] for series in source.series] == [9, 5, 9, 5]
    assert "each of 2 targets is a series, with its name as a category: 'sold', 'price'" in source.notes
    again = read_series(SALES, source.columns)  # as a model reads further data
    assert again.columns == source.columns
    assert [series.id for series in again.series] == [series.id for series in source.series]


def test_empty_cells_of_a_target_are_those_of_its_series_alone():
    given = Columns("day", "sold,price", "shop", dialect=Dialect(missing=("-999",)))
    source = read_series(SALES, given, fill="forward")
    assert [len(series) for series in source.series] == [4, 4, 4, 3]
    assert "empty cells marked by -999: 1 (column 'price')" in source.notes
    with pytest.raises(GatewiseError) as refused:
        read_series(SALES, given)
    assert "row 8 (column 'price'), column 'value' is empty; --fill linear or forward" in str(refused.value)


def test_targets_without_an_id_and_beside_columns_of_other_names():
    table = SALES[:4].rename({"shop": "target", "size": "value"})
    source = read_series(table, Columns("day", "sold,price"))
    assert [series.id for series in source.series] == ["sold", "price"]
    assert (source.columns.id, source.columns.target) == ("target_", "value_")
    found = read_series(table.rename({"sold": "sold,price"}), Columns("day", "sold,price"))
    assert found.columns.target == "sold,price"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns("day", "sold,cost", "shop"), "has no column 'cost' for the target; it has shop, day, sold"),
        (
            Columns("day", "sold,sold", "shop"),
            "--target sold,sold names the column 'sold' twice; name it once",
        ),
        (Columns("day", "sold,price", "shop", known=("price",)), "the column 'price' was given two roles"),
        (Columns("day", "sold,shop"), "row 1, column 'shop': expected a number, got 'a'"),
        (Columns("day", "sold,price", wide="columns"), "--target sold,price and --wide exclude each other"),
    ],
)
def test_targets_that_are_refused(columns, message):
    with pytest.raises(GatewiseError) as refused:
        read_series(SALES, columns)
    assert message in str(refused.value)


def test_a_look_shows_the_targets():
    found = look_at_series(open_series(SALES, Dialect()), COLUMNS)
    roles = dict(found.columns.select("column", "role").iter_rows())
    assert roles == {
        "shop": "id",
        "day": "time",
        "sold": "target",
        "price": "target, observed",
        "size": "static",
    }
    assert found.series["series"].to_list() == ["a / sold", "b / sold", "a / price", "b / price"]


def test_a_scenario_has_the_rows_of_an_id_for_all_of_its_targets(tmp_path):
    path = tmp_path / "future.csv"
    ahead = {"shop": ["a", "a", "b", "b"], "day": [4, 5, 4, 5], "promo": [1, 0, 0, 1]}
    pl.DataFrame(ahead).vstack(pl.DataFrame({"shop": ["c"], "day": [4], "promo": [1]})).write_csv(path)
    source = read_series(SALES.with_columns(promo=0), Columns("day", "sold,price", "shop", known=("promo",)))
    found = with_scenario(source, path, 2)
    assert [series.known[4:, 0].tolist() for series in found.series] == [[1, 0], [0, 1]] * 2
    assert found.warnings == (f"{path}: rows of other times or series, which are not used: 1",)


def test_predictions_have_the_columns_of_each_target():
    columns = read_series(SALES, COLUMNS).columns
    rows = [
        ("a", "sold", "31.1.", 0, 1.0, 0.5),
        ("a", "sold", "1.2.", 0, 2.0, 1.5),
        ("b", "sold", "31.1.", 0, 3.0, 2.5),
        ("a", "price", "30.1.", 0, 4.0, 3.5),
        ("a", "price", "31.1.", 0, 5.0, 4.5),
        ("b", "price", "31.1.", 0, 6.0, 5.5),
    ]
    frame = pl.DataFrame(rows, ["shop", "target", "day", "sample", "value", "q0.1"], orient="row")
    found = by_target(frame, columns, np.array([31, 32, 31, 30, 31, 31]), ["sample"])
    names = ["shop", "day", "sample", "sold", "sold_q0.1", "price", "price_q0.1"]
    assert found.columns == names
    assert found.rows() == [
        ("a", "30.1.", 0, None, None, 4.0, 3.5),
        ("a", "31.1.", 0, 1.0, 0.5, 5.0, 4.5),
        ("a", "1.2.", 0, 2.0, 1.5, None, None),
        ("b", "31.1.", 0, 3.0, 2.5, 6.0, 5.5),
    ]


@pytest.mark.parametrize(
    ("given", "targets"),
    [
        (["sold, net"], ("sold, net",)),
        ("sold, net", ("sold, net",)),
        (["sold, net", "price"], ("sold, net", "price")),
        ('"sold, net",price', ("sold, net", "price")),
    ],
)
def test_names_with_commas(given, targets):
    table = SALES.rename({"sold": "sold, net", "shop": "shop, id"})
    options = ForecastTableOptions(target=given, id=["shop, id"], static=["size"])
    source = read_series(table, options.columns)
    assert source.columns.targets == targets
    assert len(source.series) == 2 * len(targets)
    assert source.columns.id_cells(source.series[0].id, 1)["shop, id"] == ["a"]


def test_a_list_of_one_name_with_a_comma_is_one_column():
    options = ForecastTableOptions(target=["sold,price"], id="shop", time=["day"])
    with pytest.raises(GatewiseError, match="has no column 'sold,price' for the target"):
        read_series(SALES, options.columns)
    with pytest.raises(GatewiseError, match="--target sold,sold names the column 'sold' twice"):
        read_series(SALES, ForecastTableOptions(target=["sold", "sold"], id="shop").columns)
    levels = ForecastTableOptions(hierarchy=["a/b", "c,d"]).columns
    assert levels.hierarchy == ("a/b", "c,d")
    assert split_names(levels.id) == levels.hierarchy

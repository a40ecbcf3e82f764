"""Hierarchies of ids: the sums of each level are series, too."""

import polars as pl
import pytest

from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.errors import GatewiseError

TABLE = pl.DataFrame(
    {
        "region": ["a"] * 3 + ["b"] * 3 + ["a"] * 3,
        "country": ["FR"] * 6 + ["DE"] * 3,
        "day": [0, 1, 2] * 3,
        "sold": [1.0, 2, 3, 10, 20, 30, 100, 200, 300],
        "price": [1.0] * 9,
    }
)
COLUMNS = Columns("day", "sold", "region,country", hierarchy=("country", "region"))


def test_the_sums_of_each_level_follow_the_series():
    source = read_series(TABLE, COLUMNS)
    assert {series.id: series.target.tolist() for series in source.series} == {
        "a / FR": [1, 2, 3],
        "b / FR": [10, 20, 30],
        "a / DE": [100, 200, 300],
        "all / all": [111, 222, 333],
        "all / FR": [11, 22, 33],
        "all / DE": [100, 200, 300],
    }
    assert "the sums of the hierarchy country/region are series, too; their ids are 'all'" in source.notes
    again = read_series(TABLE[::-1], source.columns)
    assert {series.id: series.target[2] for series in again.series}["all / all"] == 333


def test_a_hierarchy_of_one_column_has_one_sum():
    source = read_series(TABLE[:6], Columns("day", "sold", "region", hierarchy=("region",)))
    assert {series.id: series.target[2] for series in source.series} == {"a": 3, "b": 30, "all": 33}


@pytest.mark.parametrize(
    ("table", "columns", "message"),
    [
        (TABLE[:-1], {}, "series 'DE / a' has no row for 2; the sums of a hierarchy need every series"),
        (
            TABLE.with_columns(sold=pl.when(pl.col("sold") != 20).then("sold")),
            {},
            "row 5, column 'sold' is empty; a sum of a hierarchy needs every value",
        ),
        (TABLE.with_columns(country=pl.lit("all")), {}, "row 1, column 'country': 'all' is the id of the"),
        (TABLE, {"id": "region"}, "--hierarchy country/region and --id region have different columns; name"),
        (TABLE, {"known": ("price",)}, "--hierarchy country/region have no covariates: leave out price"),
        (TABLE, {"target": "sold,price"}, "sums one target over rows with times; leave out --wide"),
    ],
    ids=["row", "value", "all", "id", "known", "targets"],
)  # fmt: skip
def test_hierarchies_that_are_refused(table, columns, message):
    with pytest.raises(GatewiseError) as refused:
        read_series(table, Columns(**{**vars(COLUMNS), **columns}))
    assert message in str(refused.value)

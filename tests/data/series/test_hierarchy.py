"""Hierarchies of ids: the sums of each level are series, too."""

from dataclasses import replace

import polars as pl
import pytest

from gatewise.data.series.hierarchy import levels_of, summing_matrix, without_aggregates
from gatewise.data.series.scenario import with_scenario
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
    note = "hierarchy country/region are series, too: 3 beside 3 of the table; their ids are 'all'"
    assert f"the sums of the {note}" in source.notes
    assert summing_matrix(source).tolist() == [
        [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [1, 1, 0], [0, 0, 1],
    ]  # fmt: skip
    assert levels_of(source) == {"all": [3], "country": [4, 5], "region": [0, 1, 2]}
    assert [one.id for one in without_aggregates(source).series] == ["a / FR", "b / FR", "a / DE"]
    again = read_series(TABLE[::-1], source.columns)
    assert {series.id: series.target[2] for series in again.series}["all / all"] == 333


def test_a_hierarchy_of_one_column_has_one_sum():
    source = read_series(TABLE[:6], Columns("day", "sold", "region", hierarchy=("region",)))
    assert {series.id: series.target[2] for series in source.series} == {"a": 3, "b": 30, "all": 33}


def test_a_sum_of_filled_values_is_filled():
    gaps = TABLE.with_columns(sold=pl.when(~pl.col("sold").is_in([20.0, 200.0])).then("sold"))
    without_row = gaps.filter(pl.col("sold").is_null().not_() | (pl.col("country") == "DE"))
    for table in (gaps, without_row):
        for fill, filled in (
            ("linear", (20, 200)),
            ("forward", (10, 100)),
            ("zero", (0, 0)),
            ("mask", (10, 100)),
        ):
            source = read_series(table, COLUMNS, fill=fill)
            found = {one.id: (one.target[1], one.filled.tolist()) for one in source.series}
            gap = [False, True, False]
            assert found["all / FR"] == (2 + filled[0], gap)
            assert found["all / DE"] == (filled[1], gap)
            assert found["all / all"] == (2 + sum(filled), gap)
            assert found["a / FR"] == (2, [False] * 3)
            assert source.masked == (fill == "mask")


def test_what_all_series_of_a_sum_have_in_common_is_its_own():
    table = TABLE.with_columns(
        rain=pl.col("day") * 2.5, day_name=pl.lit("mon"), kind=pl.Series(["x"] * 3 + ["y"] * 3 + ["x"] * 3)
    )
    beyond = table.group_by("region", "country", maintain_order=True).tail(1)
    beyond = beyond.with_columns(pl.lit(None).alias("sold"), day=pl.lit(3, pl.Int64), rain=pl.lit(9.0))
    columns = replace(
        COLUMNS, known=("rain", "day_name"), categorical=("day_name",), static=("country", "kind", "price")
    )
    source = read_series(pl.concat([table, beyond]), columns)
    sums = {one.id: one for one in source.series}
    assert sums["all / all"].known[:, 0].tolist() == [0, 2.5, 5, 9]
    assert sums["all / all"].target.tolist() == [111, 222, 333]
    assert {id: one.static for id, one in sums.items()} == {
        "a / FR": ("FR", "x", 1),
        "b / FR": ("FR", "y", 1),
        "a / DE": ("DE", "x", 1),
        "all / all": ("all", "all", 1),
        "all / FR": ("FR", "all", 1),
        "all / DE": ("DE", "x", 1),
    }


def test_a_scenario_names_the_series_of_the_table(tmp_path):
    source = read_series(TABLE.with_columns(rain=pl.col("day")), replace(COLUMNS, known=("rain",)))
    path = tmp_path / "rain.csv"
    ahead = TABLE.select("region", "country").unique(maintain_order=True).with_columns(day=pl.lit(3))
    ahead.with_columns(rain=pl.lit(7)).write_csv(path)
    found = with_scenario(source, path, 1)
    assert [one.id for one in found.series] == [one.id for one in source.series]
    assert all(one.known[:, 0].tolist() == [0, 1, 2, 7] for one in found.series)
    ahead.with_columns(rain=pl.Series([7, 7, 8])).write_csv(path)
    with pytest.raises(
        GatewiseError, match=r"'rain' has no value for the sum 'all / all', .* 8 in 'a / DE' at 3;"
    ):
        with_scenario(source, path, 1)


@pytest.mark.parametrize(
    ("table", "columns", "message"),
    [
        (
            TABLE[:-1],
            {},
            "series 'a / FR' has values from 0 to 2, and 'a / DE' from 0 to 1; the sums of --hierarchy",
        ),
        (
            TABLE.with_columns(sold=pl.when(pl.col("sold") != 20).then("sold")),
            {},
            "row 5, column 'sold' is empty; --fill linear or forward fills it",
        ),
        (TABLE.with_columns(country=pl.lit("all")), {}, "row 1, column 'country': 'all' is the id of the"),
        (TABLE, {"hierarchy": ("country", "regin")}, "has no column 'regin' for the hierarchy; it has "),
        (TABLE, {"id": "region"}, "--hierarchy country/region and --id region have different columns; name"),
        (
            TABLE.with_columns(price=pl.int_range(9)),
            {"known": ("price",)},
            "no value for the sum 'all / all', since it differs between its series: 0 in 'a / FR' "
            "and 3 in 'b / FR' at 0; leave it out",
        ),
        (
            TABLE.with_columns(price=pl.col("country")),
            {"observed": ("price",), "categorical": ("price",)},
            "'price' has no value for the sum 'all / all', since it differs between its series: 'FR' in "
            "'a / FR' and 'DE' in 'a / DE' at 0",
        ),
        (
            TABLE.with_columns(price=pl.Series([1] * 6 + [2] * 3)),
            {"static": ("price",)},
            "no value for the sum 'all / all', since it differs between its series: 1 in 'a / FR' "
            "and 2 in 'a / DE'; leave",
        ),
        (TABLE, {"target": "sold,price"}, "sums one target over rows with times; leave out --wide"),
    ],
    ids=["row", "value", "all", "name", "id", "known", "observed", "static", "targets"],
)  # fmt: skip
def test_hierarchies_that_are_refused(table, columns, message):
    with pytest.raises(GatewiseError) as refused:
        read_series(table, Columns(**{**vars(COLUMNS), **columns}))
    assert message in str(refused.value)


def test_a_series_without_a_value_has_no_part_in_a_sum():
    table = TABLE.with_columns(sold=pl.when(pl.col("country") != "DE").then("sold"))
    with pytest.raises(GatewiseError, match="series 'a / DE' have no value; the sums of --hierarchy"):
        read_series(table, COLUMNS, fill="zero")

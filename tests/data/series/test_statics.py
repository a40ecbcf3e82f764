"""Static columns: one value in each series, numbers or categories, with an input for unseen ones."""

import numpy as np
import polars as pl
import pytest
import torch

from gatewise.data.series.categories import Categories
from gatewise.data.series.scaled_table import learn_scales, static_table
from gatewise.data.series.series import read_series
from gatewise.data.series.statics import category_columns
from gatewise.data.series.windows import StaticInputs, Windows, WindowsWithUnseen
from gatewise.data.tables.columns import Columns
from gatewise.errors import GatewiseError

STEPS = 4


def shops(rows=STEPS, **statics):
    """Series of steps with static columns, each given by its value in each series."""
    count = len(next(iter(statics.values())))
    names = [f"s{number}" for number in range(count)]
    repeated = {name: [one for one in values for _ in range(rows)] for name, values in statics.items()}
    return pl.DataFrame(
        {"id": np.repeat(names, rows), "t": [*range(rows)] * count, "y": np.arange(count * rows) % 7 * 1.0}
        | repeated,
        strict=False,
    )


def read(table, static, **columns):
    return read_series(table, Columns("t", "y", columns.pop("id", "id"), static=static, **columns))


def test_numbers_are_scaled_and_texts_and_booleans_are_categories():
    table = shops(size=[1, 5, 3], kind=["b", "a", "b"], open=[True, False, True], code=[7, 8, 7])
    source = read(table, ("size", "kind", "open", "code"), categorical=("code",))
    assert [series.static for series in source.series] == [
        (1.0, "b", "true", "7"),
        (5.0, "a", "false", "8"),
        (3.0, "b", "true", "7"),
    ]
    assert source.notes[-1] == (
        "static columns: 'size', 2 categories of 'kind', 2 categories of 'open', 2 categories of 'code'"
    )
    learned = learn_scales(source, [STEPS] * 3)
    assert learned.statics[1:] == tuple(map(Categories, (("a", "b"), ("false", "true"), ("7", "8"))))
    inputs = static_table(source, learned)
    assert inputs[:, 0].mean() == pytest.approx(0)
    assert inputs[:, 0].std() == pytest.approx(1)
    assert inputs[:, 1:4].tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0]]
    assert category_columns(learned.statics) == [slice(1, 4), slice(4, 7), slice(7, 10)]


def test_a_category_that_is_not_in_the_training_set_has_an_input_of_its_own():
    learned = learn_scales(read(shops(kind=["b", "a"]), ("kind",)), [STEPS] * 2)
    found = read(shops(kind=["c", "a"]), ("kind",))
    assert static_table(found, learned).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert learned.unseen(found) == [
        "categories of the static column 'kind' that are not in the training set count as unseen: 'c'"
    ]


def test_empty_cells_of_a_series_are_ignored_beside_a_value():
    table = shops(kind=["b", "a", ""], size=[1.0, 2.0, 3.0])
    blank = pl.int_range(pl.len()) % STEPS == 1
    table = table.with_columns(pl.when(blank).then(None).otherwise(pl.col("kind", "size")).name.keep())
    assert [series.static for series in read(table, ("kind", "size")).series] == [
        ("b", 1.0),
        ("a", 2.0),
        ("", 3.0),
    ]


def test_static_columns_may_be_those_of_the_id():
    source = read(shops(kind=["x", "y"]), ("kind", "id"), id="id,kind")
    assert [(series.id, series.static) for series in source.series] == [
        ("s0 / x", ("x", "s0")),
        ("s1 / y", ("y", "s1")),
    ]


def test_rows_of_a_wide_table_have_static_columns():
    table = pl.DataFrame(
        {"shop": ["a", "b"], "size": [3, 4], "2020": [1.0, 2], "2021": [3.0, 5], "2022": [4, 4]}
    )
    source = read_series(table, Columns(id="shop", static=("size",), wide="rows"))
    assert [series.static for series in source.series] == [(3.0,), (4.0,)]
    assert source.series[1].target.tolist() == [2, 5, 4]


@pytest.mark.parametrize(
    ("change", "static", "message"),
    [
        (
            {"kind": pl.when(pl.col("t") == 2).then(pl.lit("c")).otherwise("kind")},
            ("kind",),
            "the frame: the static column 'kind' of series 's0' is 'b' in row 1 and 'c' in row 3; give a "
            "column that varies within a series with --known or --observed, or correct the cell",
        ),
        (
            {"size": pl.col("size") + pl.when(pl.col("id") == "s1").then("t").otherwise(0)},
            ("size",),
            "the static column 'size' of series 's1' is 2 in row 5 and 3 in row 6; give a column that varies",
        ),
        (
            {"size": pl.when(pl.col("id") == "s0").then("size")},
            ("size",),
            "the static column 'size' has no number in series 's1'; give one, or leave out the column",
        ),
        ({"size": pl.Series(["1", "2", "3", "x"] * 2)}, ("size",), "got 'x'; --categorical size reads texts"),
        ({}, ("colour",), "no column 'colour' for the static column; it has id, t, y, kind, size"),
        ({}, ("y",), "the frame: the column 'y' was given two roles; give it one"),
        ({}, ("id", "id"), "the frame: the column 'id' was given two roles; give it one"),
    ],
)  # fmt: skip
def test_static_columns_that_are_refused(change, static, message):
    table = shops(kind=["b", "a"], size=[1, 2]).with_columns(**change)
    with pytest.raises(GatewiseError) as refused:
        read(table, static)
    assert message in str(refused.value)


def test_columns_of_a_wide_table_are_not_static():
    table = pl.DataFrame({"year": [2020, 2021, 2022], "a": [1, 2, 3], "b": [2, 3, 1]})
    with pytest.raises(GatewiseError, match="the column 'b' can't have another role"):
        read_series(table, Columns("year", static=("b",), wide="columns"))


def test_training_windows_are_now_and_then_those_of_an_unseen_category(monkeypatch):
    monkeypatch.setattr("gatewise.data.series.windows.UNSEEN_RATE", 0.5)
    static = StaticInputs(torch.tensor([[2.0, 1, 0, 0], [3.0, 0, 1, 0]]), (slice(1, 4),))
    series = torch.arange(2).repeat(50)
    windows = Windows(torch.rand(9, 1), torch.zeros(100).long(), series, 4, 2, 0, static=static)
    assert torch.equal(windows.all().static, static.values[series])
    found = WindowsWithUnseen(windows).all().static
    unseen = found[:, 3] == 1
    assert 0.2 < unseen.float().mean() < 0.8
    assert torch.equal(found[~unseen], static.values[series][~unseen])
    assert torch.equal(found[unseen, 0], static.values[series][unseen, 0])
    assert (found[:, 1:].sum(1) == 1).all()

"""Covariates of Booleans and of categories: learned on the training set, the same inputs at prediction."""

import numpy as np
import polars as pl
import pytest

from gatewise.data.series.categories import Categories
from gatewise.data.series.scaled_table import learn_scales, scaled_table
from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.dialect import Dialect
from gatewise.errors import GatewiseError


def read(fill=None, days=range(6), categorical=(), **columns):
    table = pl.DataFrame({"t": list(days), "y": [1.0, 2, 4, 3, 5, 6][: len(days)], **columns}, strict=False)
    given = Columns("t", "y", known=tuple(columns), categorical=categorical)
    return read_series(table, given, fill=fill)


@pytest.mark.parametrize(
    "cells",
    [
        [True, False, True, True, False, False],
        ["True", "false", "TRUE", "true", "False", "false"],
        ["yes", "no", " Yes", "yes", "no", "no"],
        ["y", "n", "y", "Y", "N", "n"],
        ["on", "off", "on", "on", "off", "off"],
    ],
)
def test_booleans_are_0_and_1(cells):
    found = read(promo=cells)
    assert found.series[0].known[:, 0].tolist() == [1, 0, 1, 1, 0, 0]
    assert found.notes[-1] == "read as 0 and 1: 'promo'"


def test_empty_cells_and_markers_of_booleans_are_missing():
    columns = {"promo": ["yes", "n/a", "", "unknown", "no", "no"]}
    table = pl.DataFrame({"t": range(6), "y": [1.0, 2, 4, 3, 5, 6], **columns})
    given = Columns("t", "y", observed=("promo",), dialect=Dialect(missing=("unknown",)))
    assert read_series(table, given, fill="forward").series[0].observed[:, 0].tolist() == [1, 1, 1, 1, 0, 0]
    with pytest.raises(
        GatewiseError, match="row 2, column 'promo' is empty; --fill linear or forward fills it"
    ):
        read_series(table, given)


def test_booleans_and_categories_are_repeated_where_numbers_are_interpolated():
    columns = {"promo": ["no", "yes", "no"], "price": [1, 2, 3], "day": ["x", "y", ""]}
    table = pl.DataFrame({"t": [0, 1, 3], "y": [1.0, 2, 4], **columns})
    given = Columns("t", "y", known=tuple(columns), categorical=("day",))
    found = read_series(table, given, fill="linear").series[0]
    assert found.known.tolist() == [[0, 1, 2], [1, 2, 3], [1, 2.5, 3], [0, 3, 1]]
    assert found.categories == ((), (), ("", "x", "y"))
    without = read_series(table, given, fill="zero").series[0]
    assert without.known[2].tolist() == [0, 0, 0]  # 0 is no category


def test_categories_are_those_of_the_training_set():
    source = read(day=["b", "a", "b", "a", "new", "b"], rain=[1, 2, 3, 4, 5, 6], categorical=("day",))
    learned = learn_scales(source, [4])
    assert learned.known_inputs(source.columns) == ["day: a", "day: b", "rain"]
    inputs = scaled_table(source.series[0], learned)
    assert inputs[:, 1:3].tolist() == [[0, 1], [1, 0], [0, 1], [1, 0], [0, 0], [0, 1]]
    warning = "categories of column 'day' that are not in the training set count as none: 'new'"
    assert learned.unseen(source) == [warning]
    later = read(day=["c", "b", "", "b", "c", "a"], rain=[1] * 6, categorical=("day",))
    assert scaled_table(later.series[0], learned)[:, 1:3].tolist() == [
        [0, 0],
        [0, 1],
        [0, 0],
        [0, 1],
        [0, 0],
        [1, 0],
    ]
    assert learned.unseen(later)[0].endswith("count as none: '', 'c'")


@pytest.mark.parametrize(
    ("categorical", "cells", "message"),
    [
        ((), ["a"] * 6, "expected a number, got 'a'; --categorical day reads texts"),
        ((), ["yes", "no", "maybe"] * 2, "row 1, column 'day': expected a number, got 'yes'; --cat"),
        (
            ("y",),
            [1] * 6,
            "the column 'y' of --categorical is no covariate; name it with --known, --observed or --static",
        ),
    ],
)
def test_texts_that_are_refused(categorical, cells, message):
    with pytest.raises(GatewiseError, match=message):
        read(day=cells, categorical=categorical)


def test_too_many_categories_are_refused():
    table = pl.DataFrame(
        {"t": range(40), "y": np.arange(40.0), "code": [f"c{one % 21}" for one in range(40)]}
    )
    source = read_series(table, Columns("t", "y", observed=("code",), categorical=("code",)))
    assert len(learn_scales(source, [20]).observed_inputs(source.columns)) == 20
    with pytest.raises(
        GatewiseError, match="column 'code' has 21 categories in the training set, and at most 20"
    ):
        learn_scales(source, [21])


@pytest.mark.parametrize(
    "cells",
    [
        ["1", "2", "1", "2", "1", "2"],
        ["1.0", "2.0", "1", "2", "1.00", "2."],
        [1.0, 2.0, 1.0, 2.0, 1.0, 2.0],
        pl.Series([1, 2, 1, 2, 1, 2], dtype=pl.Decimal(10, 2)),
    ],
)
def test_whole_numbers_are_the_same_categories_in_every_form(cells):
    learned = learn_scales(read(w=cells, categorical=("w",)), [6])
    assert learned.covariates == (Categories(("1", "2")),)
    for later in ([1.0, None, 2.0, float("nan"), 2.0, 1.0], ["1.0", "", "2", "", "2.0", "1"]):
        source = read(w=later, categorical=("w",))
        inputs = scaled_table(source.series[0], learned)[:, 1:3].tolist()
        assert inputs == [[1, 0], [0, 0], [0, 1], [0, 0], [0, 1], [1, 0]]
        assert [warning.partition("none: ")[2] for warning in learned.unseen(source)] == ["''"]


def test_other_texts_are_different_categories():
    learned = learn_scales(read(w=["1.0", "1", "b", "1", "1.0", "b"], categorical=("w",)), [6])
    assert learned.covariates == (Categories(("1", "1.0", "b")),)
    earlier = Categories(("1.0", "2.5"))  # of a model that was trained on a column of floats
    assert earlier.places(["1", "2.5", "2"]) == [0, 1, -1]

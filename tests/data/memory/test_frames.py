"""Tables of every library: each column becomes what the readers read, and comes back as it was."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from gatewise.data.memory.frames import TableForm, form_of, in_form, is_column, is_frame, to_polars
from gatewise.errors import GatewiseError

DAYS = ["2024-01-01", "2024-01-02", "2024-01-03"]
BERLIN = pd.date_range("2024-10-27 00:00", periods=3, freq="h", tz="Europe/Berlin")
COLUMNS = {
    "int64": (pd.Series([1, 2, 3]), [1, 2, 3]),
    "uint8": (pd.Series([1, 2, 255], dtype="uint8"), [1, 2, 255]),
    "float16": (pd.Series([1, 2.5, np.nan], dtype="float16"), [1, 2.5, None]),
    "float64": (pd.Series([1.5, np.nan, 3]), [1.5, None, 3]),
    "Int64": (pd.Series([1, None, 2**53 + 1], dtype="Int64"), [1, None, 2**53 + 1]),
    "Float32": (pd.Series([1, None, 3], dtype="Float32"), [1, None, 3]),
    "bool": (pd.Series([True, False, True]), [True, False, True]),
    "boolean": (pd.Series([True, None, False], dtype="boolean"), [True, None, False]),
    "str": (pd.Series(["a", None, "c"]), ["a", None, "c"]),
    "object": (pd.Series(["a", None, "c"], dtype=object), ["a", None, "c"]),
    "string[python]": (pd.Series(["a", None, "c"], dtype="string[python]"), ["a", None, "c"]),
    "string[pyarrow]": (pd.Series(["a", None, "c"], dtype="string[pyarrow]"), ["a", None, "c"]),
    "int64[pyarrow]": (pd.Series([1, None, 3], dtype="int64[pyarrow]"), [1, None, 3]),
    "category": (pd.Series(["b", None, "a"], dtype="category"), ["b", None, "a"]),
    "category of ints": (pd.Series([3, 1, 3], dtype="category"), [3, 1, 3]),
    "sparse": (pd.Series(pd.arrays.SparseArray([0, 0, 7])), [0, 0, 7]),
    "datetime64[s]": (pd.Series(pd.to_datetime(DAYS)).astype("datetime64[s]"), pd.to_datetime(DAYS).tolist()),
    "datetime64[ns]": (
        pd.Series(pd.to_datetime(DAYS)).astype("datetime64[ns]"),
        pd.to_datetime(DAYS).tolist(),
    ),
    "zone": (pd.Series(BERLIN), BERLIN.tolist()),
    "Period": (
        pd.Series(pd.period_range("2024-01", periods=3, freq="M")),
        [dt.datetime(2024, month, 1) for month in (1, 2, 3)],
    ),
    "timedelta": (pd.Series(pd.to_timedelta([1, 2], "s")), [dt.timedelta(seconds=one) for one in (1, 2)]),
    "ints as objects": (pd.Series([1, None, 3], dtype=object), [1, None, 3]),
    "numbers as objects": (pd.Series([1, 2.5, None], dtype=object), [1, 2.5, None]),
    "dates as objects": (
        pd.Series([dt.date(2024, 1, 1), None, dt.date(2024, 1, 3)], dtype=object),
        [dt.date(2024, 1, 1), None, dt.date(2024, 1, 3)],
    ),
    "timestamps as objects": (
        pd.Series(pd.to_datetime(DAYS).tolist(), dtype=object),
        pd.to_datetime(DAYS).tolist(),
    ),
    "decimals": (pd.Series([Decimal("1.5"), None], dtype=object), [Decimal("1.5"), None]),
    "texts and numbers": (pd.Series(["a", 1, 2.5], dtype=object), ["a", "1", "2.5"]),
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_a_pandas_column_becomes_its_values_and_comes_back_in_its_type(name, tmp_path):
    values, expected = COLUMNS[name]
    given = pd.DataFrame({"x": values})
    found = to_polars(given)
    assert found["x"].to_list() == expected
    found.write_parquet(tmp_path / "data.parquet")
    form = form_of(given, tmp_path / "data.parquet")
    back = in_form(pl.read_parquet(tmp_path / "data.parquet"), form)
    if name in ("sparse", "float16", "timestamps as objects", "texts and numbers"):
        assert back.shape == given.shape  # pandas has no such type, or several for one value
        return
    pd.testing.assert_frame_equal(back, given, check_freq=False)


def test_summer_time_ends_without_a_doubled_hour():
    times = to_polars(pd.DataFrame({"t": BERLIN}))["t"]
    assert times.dtype == pl.Datetime(BERLIN.unit, "Europe/Berlin")
    hours = pd.date_range("2024-10-27 00:00", periods=5, freq="h", tz="Europe/Berlin")
    assert to_polars(pd.DataFrame({"t": hours}))["t"].dt.epoch(
        "s"
    ).diff().drop_nulls().unique().to_list() == [3600]


def test_a_fixed_offset_keeps_its_clock(tmp_path):
    times = pd.date_range(
        "2024-01-01", periods=3, freq="MS", tz=dt.timezone(dt.timedelta(hours=5, minutes=30))
    )
    given = pd.DataFrame({"t": times})
    found = to_polars(given)
    assert found["t"].to_list() == [dt.datetime(2024, month, 1) for month in (1, 2, 3)]
    found.write_parquet(tmp_path / "data.parquet")
    pd.testing.assert_frame_equal(in_form(found, form_of(given, tmp_path / "data.parquet")), given)


@pytest.mark.parametrize(
    ("index", "names"),
    [
        (pd.RangeIndex(3), ["x"]),
        (pd.Index([5, 7, 9]), ["x"]),
        (pd.Index([5, 7, 9], name="month"), ["month", "x"]),
        (pd.to_datetime(DAYS), ["time", "x"]),
        (pd.period_range("2024-01", periods=3, freq="M"), ["time", "x"]),
        (pd.Index(DAYS), ["index", "x"]),
        (pd.MultiIndex.from_product([["a"], pd.to_datetime(DAYS)]), ["level_0", "time", "x"]),
        (pd.MultiIndex.from_product([["a"], [1, 2, 3]], names=["id", 7]), ["id", "7", "x"]),
    ],
)  # fmt: skip
def test_an_index_with_a_name_or_of_times_becomes_a_column(index, names):
    assert to_polars(pd.DataFrame({"x": [1, 2, 3]}, index=index)).columns == names


def test_names_of_columns_become_texts():
    assert to_polars(pd.DataFrame({1: [1], None: [2], "b": [3]})).columns == ["1", "None", "b"]
    columns = pd.MultiIndex.from_tuples([("a", "x"), ("a", ""), ("b", 1)])
    assert to_polars(pd.DataFrame([[1, 2, 3]], columns=columns)).columns == ["a_x", "a", "b_1"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "the DataFrame has two columns called 'a'; rename one"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), "the DataFrame has two columns called '1'; rename one"),
        (
            pd.DataFrame({"a": [1]}, index=pd.Index([1], name="a")),
            "the DataFrame has two columns called 'a'; rename one",
        ),
        (pa.table([[1], [2]], names=["a", "a"]), "the Table has two columns called 'a'; rename one"),
        (
            pd.DataFrame({"a": [object(), 1]}),
            "the DataFrame, column 'a': expected numbers, texts or times, got objects of type int, object",
        ),
        (
            pd.DataFrame({"a": [1 + 2j]}),
            "the DataFrame, column 'a': expected numbers, texts or times, got objects of type complex",
        ),
    ],
)
def test_a_table_that_has_no_form_is_refused_in_one_line(table, message):
    with pytest.raises(GatewiseError) as caught:
        to_polars(table)
    assert str(caught.value) == message


def test_tables_of_polars_and_arrow_come_back_with_their_types(tmp_path):
    path = tmp_path / "data.parquet"
    arrow = pa.table(
        {
            "id": pa.array([1, 2], pa.int32()),
            "name": pa.array(["a", "b"], pa.string()),
            "t": pa.array([0, 1], pa.timestamp("s", "UTC")),
            "v": pa.array([1.0, 2.0], pa.float32()),
        }
    )
    frame = to_polars(arrow)
    frame.write_parquet(path)
    assert in_form(frame, form_of(arrow, path)).equals(arrow.cast(arrow.schema))
    assert in_form(frame, form_of(arrow, path)).schema == arrow.schema
    reader = pa.RecordBatchReader.from_batches(arrow.schema, arrow.to_batches())
    assert to_polars(reader).equals(frame)
    assert isinstance(in_form(frame, form_of(reader, path)), pa.Table)
    assert in_form(frame, form_of(frame, path)) is not None
    assert in_form(frame, form_of(frame, path)).equals(frame)
    assert isinstance(in_form(frame, form_of(frame.lazy(), path)), pl.LazyFrame)


def test_anything_with_arrows_stream_is_a_table():
    class Stream:
        def __arrow_c_stream__(self, requested_schema=None):
            return pl.DataFrame({"a": [1, 2]}).__arrow_c_stream__(requested_schema)

    assert is_frame(Stream())
    assert to_polars(Stream()).to_dict(as_series=False) == {"a": [1, 2]}


def test_ids_and_labels_of_a_prediction_take_the_types_of_the_input():
    form = TableForm(
        "pandas", {"id": pl.Int64, "class": pl.Boolean}, {"id": np.dtype("int64"), "class": np.dtype(bool)}
    )
    output = pl.DataFrame({"id": ["3", "4"], "label": ["true", "false"], "p(true)": [0.5, 0.25]})
    found = in_form(output, form.renamed({"label": "class"}))
    assert found.dtypes.astype(str).tolist() == ["int64", "bool", "float64"]
    other = form.updated(TableForm("polars", {"id": pl.String}))
    assert in_form(output, other)["id"].to_list() == ["3", "4"]


def test_a_value_that_would_change_keeps_its_own_type():
    form = TableForm("polars", {"id": pl.Int64, "target": pl.Int64})
    found = in_form(pl.DataFrame({"id": ["03", "4"], "target": [1.5, 2.0]}), form)
    assert found.to_dict(as_series=False) == {"id": ["03", "4"], "target": [1.5, 2.0]}


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (np.array([1.0, 2.0]), {"time": [0, 1], "value": [1.0, 2.0]}),
        (torch.tensor([1.0, 2.0], requires_grad=True), {"time": [0, 1], "value": [1.0, 2.0]}),
        (pd.Series([1.0, 2.0], name="sold"), {"time": [0, 1], "sold": [1.0, 2.0]}),
        (
            pd.Series([1.0, 2.0], index=pd.to_datetime(DAYS[:2])),
            {"time": [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)], "value": [1.0, 2.0]},
        ),
        (pl.Series("sold", [1, 2]), {"time": [0, 1], "sold": [1, 2]}),
        (pa.chunked_array([[1, 2]]), {"time": [0, 1], "value": [1, 2]}),
        (pa.array([1, 2]), {"time": [0, 1], "value": [1, 2]}),
    ],
)
def test_one_series_has_its_index_as_times(series, expected):
    assert is_column(series)
    assert to_polars(series).to_dict(as_series=False) == expected


def test_a_list_of_numbers_is_a_series():
    frame = to_polars([1, 2.5, 3])
    assert frame.to_dict(as_series=False) == {"time": [0, 1, 2], "value": [1, 2.5, 3]}
    assert not any(is_column(other) for other in ([], ["a"], [[1]], [1, None]))

"""Missing values that are masked, and irregular times."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewise.data.sequences.gaps import TimeUnit, gaps_of, time_since
from gatewise.data.sequences.irregular import with_known_times, with_learned_times
from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.missing import with_filled
from gatewise.data.sequences.reading import read_sequences
from gatewise.data.sequences.sequences import Sequences, SequenceTable
from gatewise.data.series.scaling import learn_scale
from gatewise.errors import GatewiseError

NAN = np.nan
LONG = """id,time,x,y,label
a,0,1,,p
a,2,,5,p
a,3,,,p
a,9,7,6,p
b,1,3,,q
b,5,,,q
"""


def of_che(observed, times):
    """Che et al. 2018, eq. 2, as a loop over steps; 0 at the first."""
    since = np.zeros(observed.shape)
    for step in range(1, len(times)):
        gap = times[step] - times[step - 1]
        since[step] = gap + np.where(observed[step - 1], 0.0, since[step - 1])
    return since


@given(st.integers(1, 9), st.integers(1, 3), st.integers(0, 999))
def test_the_time_since_a_value_is_that_of_the_paper(steps, channels, seed):
    random = np.random.default_rng(seed)
    observed, times = random.random((steps, channels)) < 0.5, random.random(steps).cumsum()
    np.testing.assert_allclose(time_since(observed, times), of_che(observed, times), atol=1e-12)


def table_of(tmp_path, text=LONG, fill="mask"):
    path = tmp_path / "data.csv"
    path.write_text(text)
    return read_sequences(path, LongColumns(), fill)[0]


def test_a_masked_value_is_the_last_one_and_its_scale_is_of_observed_values(tmp_path):
    table = table_of(tmp_path)
    assert "empty cells that are masked: 7 of 12 (58.3%); of 'y' 66.7%, 'x' 50.0%" in table.notes
    scales = table.scales([0, 1])
    for scale, values in zip(scales, ([1.0, 7, 3], [5.0, 6]), strict=True):
        expected = learn_scale(np.array(values))
        np.testing.assert_allclose([scale.mean, scale.deviation], [expected.mean, expected.deviation])
    sequences = Sequences(table, [0, 1], [0, 1], scales)
    np.testing.assert_allclose(sequences.unscaled(0), [[1, 5.5], [1, 5], [1, 5], [7, 6]], rtol=1e-6)
    batch = sequences.__getitems__([0, 1])
    observed = [[[1, 0], [0, 1], [0, 0], [1, 1]], [[1, 0], [0, 0], [0, 0], [0, 0]]]
    since = [[[0, 0], [1, 1], [2, 1], [3, 2]], [[0, 0], [1, 1], [0, 0], [0, 0]]]
    assert batch.gaps.observed.tolist() == observed
    assert batch.gaps.since.tolist() == since
    assert batch.gaps.elapsed is None
    assert batch.rows(torch.tensor([1])).gaps.since.tolist() == since[1:]


def test_irregular_times_are_in_units_of_the_median_step(tmp_path):
    table = with_learned_times(table_of(tmp_path), [slice(0, 4)])  # elapsed times 2, 1 and 6
    assert table.unit_of_time == TimeUnit(2.0, dated=False)
    assert table.notes[-1] == "elapsed times are in units of 2, their median in the training set"
    gaps = table.gaps([slice(0, 4), slice(4, 6)])
    assert gaps.elapsed[..., 0].tolist() == [[0, 1, 0.5, 3], [0, 2, 0, 0]]
    assert gaps.since[0].tolist() == [[0, 0], [1, 1], [1.5, 0.5], [4.5, 3.5]]


def test_dates_of_any_form_have_one_unit(tmp_path):
    text = "id,time,x,label\n" + "".join(f"a,2024-01-0{day},1,p\n" for day in (1, 2, 4))
    table = with_learned_times(table_of(tmp_path, text), [slice(0, 3)])
    assert table.unit_of_time == TimeUnit(1.5 * 86_400e6, dated=True)
    assert table.notes[-1].startswith("elapsed times are in units of 1 day, 12:00:00, their median")
    regular = with_learned_times(table, [slice(0, 2)])
    assert regular.notes[-1] == (
        "all steps of the training set are 1 day, 0:00:00 apart, so that --irregular adds nothing"
    )
    with pytest.raises(GatewiseError, match="the times are dates; the model was trained on numbers"):
        with_known_times(table, TimeUnit(1.0, dated=False))


@pytest.mark.parametrize(
    "kind", [pl.Datetime("ms"), pl.Datetime("ns"), pl.Duration("ms"), pl.Duration("ns"), pl.Time], ids=str
)
def test_typed_times_have_the_unit_of_texts(tmp_path, kind):
    seconds = pl.Series([0, 2, 5]).cast(pl.Int64)
    times = (seconds * 10**9).cast(pl.Time) if kind == pl.Time else (seconds * 1000).cast(pl.Duration("ms"))
    if isinstance(kind, pl.Datetime):
        times = pl.Series([datetime(2024, 1, 1)] * 3) + times
    path = tmp_path / "data.parquet"
    pl.DataFrame({"id": "a", "time": times.cast(kind), "x": 1.0, "label": "p"}).write_parquet(path)
    table = read_sequences(path, LongColumns(), None)[0]
    assert with_learned_times(table, [slice(0, 3)]).unit_of_time == TimeUnit(2.5e6, dated=True)


def test_without_masks_and_irregular_times_there_are_no_gaps(tmp_path):
    table = table_of(tmp_path, "id,x,label\na,1,p\na,2,p\n")
    assert gaps_of([np.zeros((2, 1))], None, masked=False) is None
    with pytest.raises(GatewiseError, match="has no column of times, which --irregular needs"):
        with_learned_times(table, [slice(0, 2)])
    with pytest.raises(GatewiseError, match="no training sequence has two steps"):
        with_learned_times(table_of(tmp_path), [slice(0, 1), slice(4, 5)])


def test_a_channel_without_values_in_the_training_set_is_refused():
    values = np.array([[1.0, NAN], [2.0, NAN], [3.0, 4.0]])
    table = SequenceTable("data", values, np.array([0, 2, 3]), ("a", "b"), ("x", "y"))
    table = with_filled(table, "mask", 2)
    with pytest.raises(GatewiseError, match="data: channel 'y' has no value in the training set"):
        table.scales([0])
    assert table.scales([1, 0])[1].mean == 4.0

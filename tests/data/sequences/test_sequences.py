"""Batches and scales of sequences against numpy, in float64; rows gathered on disk."""

import numpy as np
import pytest
import torch

from gatewise.data.sequences import spool
from gatewise.data.sequences.gather import KEYS, find_duplicate_time, group_rows, sort_by_time
from gatewise.data.sequences.sequences import Sequences, SequenceTable
from gatewise.data.sequences.spool import Spool, on_disk
from gatewise.data.series.scaling import Scale
from gatewise.errors import GatewiseError


def table_of(lengths, channels=3, seed=0, shift=0.0, deviation=1.0):
    """Sequences of random numbers."""
    random = np.random.default_rng(seed)
    values = shift + deviation * random.normal(size=(sum(lengths), channels))
    names = tuple(f"s{number}" for number in range(len(lengths)))
    return SequenceTable("data", values, np.cumsum([0, *lengths]), names, tuple("xyz"[:channels]))


@pytest.mark.parametrize("at_once", [1 << 19, 7])
@pytest.mark.parametrize(("shift", "deviation"), [(0, 1), (1e9, 0.01), (-3e-8, 1e-9)])
def test_scales_are_those_of_numpy(monkeypatch, at_once, shift, deviation):
    monkeypatch.setattr(spool, "BLOCK", at_once)
    table = table_of([4, 1, 7, 3, 9, 2], shift=shift, deviation=deviation)
    chosen = [1, 2, 4]
    rows = np.concatenate([table.values[table.offsets[one] : table.offsets[one + 1]] for one in chosen])
    for channel, scale in enumerate(table.scales(chosen)):
        assert scale.mean == pytest.approx(rows[:, channel].mean(), rel=1e-12)
        assert scale.deviation == pytest.approx(rows[:, channel].std(), rel=1e-6)


def test_overlapping_sequences_count_twice():
    """Offsets may be pairs of begin and end."""
    table = table_of([6], channels=1)
    pairs = SequenceTable("", table.values, np.array([2, 5, 0, 4]), (), ("x",))
    rows = np.concatenate([table.values[2:5], table.values[0:4]])
    (scale,) = pairs.scales([0, 2])
    assert (scale.mean, scale.deviation) == pytest.approx((rows.mean(), rows.std()))


def test_a_constant_channel_is_scaled_by_its_size():
    table = table_of([3, 4], channels=1)
    table.values[:] = 0.1
    (scale,) = table.scales([0, 1])
    assert scale == Scale(0.1, 0.1)


@pytest.mark.parametrize("shift", [0, 1e9])
def test_a_batch_is_scaled_and_padded_with_zeros(shift):
    table = table_of([2, 5, 1, 3], shift=shift, deviation=0.5)
    scales = (Scale(shift, 2.0), Scale(shift + 1, 0.5), Scale(shift, 1.0))
    dataset = Sequences(table, [3, 1, 2], [7, 8, 9], scales)
    assert (len(dataset), dataset.sizes.tolist(), dataset.labels.tolist()) == (3, [3, 5, 1], [7, 8, 9])
    batch = dataset.__getitems__([2, 0])
    assert batch.values.dtype == torch.float32
    assert (batch.lengths.tolist(), batch.labels.tolist()) == ([1, 3], [9, 7])
    expected = np.zeros((2, 3, 3))
    for row, (number, length) in enumerate([(2, 1), (3, 3)]):
        for step in range(length):
            for channel, scale in enumerate(scales):
                value = table.values[table.offsets[number] + step, channel]
                expected[row, step, channel] = (value - scale.mean) / scale.deviation
    np.testing.assert_allclose(batch.values, expected, rtol=1e-6, atol=1e-7)


def test_rows_on_disk_are_read_back(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(5, 2))
    kept = Spool(2)
    kept.add(rows[:3])
    assert kept.values().shape == (3, 2)
    kept.add(rows[3:])
    values = kept.values()
    np.testing.assert_array_equal(values, rows)
    values[1] = 0
    assert not kept.values()[1].any()
    assert Spool(3).values().shape == (0, 3)
    array = on_disk((4,), KEYS)
    array[2] = (1, 2, 3, 4.5)
    assert array[2].item() == (1, 2, 3, 4.5)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.os, "posix_fallocate", full, raising=False)
    with pytest.raises(
        GatewiseError, match=r"rows of the data can't be written to .* \(No space left on device\); set"
    ):
        on_disk((4,), np.float32)


@pytest.mark.parametrize("at_once", [1 << 19, 6])
@pytest.mark.parametrize("kinds", [1, 5, 40])
def test_rows_are_grouped_and_sorted_by_time(monkeypatch, at_once, kinds):
    monkeypatch.setattr(spool, "BLOCK", at_once)
    random = np.random.default_rng(kinds)
    ids = random.integers(0, kinds, 60)
    ids = np.array([list(dict.fromkeys(ids.tolist())).index(one) for one in ids])  # numbered as they are met
    keys = np.zeros(60, KEYS)
    keys["sequence"], keys["line"], keys["time"] = ids, np.arange(60), random.permutation(60)
    values = np.arange(60.0)[:, None] * [1, -1]
    count = int(ids.max()) + 1
    values, keys, offsets = group_rows(values, keys, count)
    expected = [row for one in range(count) for row in range(60) if ids[row] == one]
    assert keys["line"].tolist() == expected
    sort_by_time(values, keys, offsets)
    assert find_duplicate_time(keys, offsets) is None
    order = sorted(range(60), key=lambda place: (keys["sequence"][place], keys["time"][place]))
    assert order == list(range(60))
    np.testing.assert_array_equal(values, keys["line"][:, None] * [1, -1])
    assert offsets.tolist() == [0, *np.cumsum(np.bincount(ids)).tolist()]
    first = int(offsets[-2])
    if first + 1 < 60:
        keys["time"][first + 1] = keys["time"][first]
        assert find_duplicate_time(keys, offsets) == first + 1
    keys["time"] = keys["sequence"]  # the same for all rows of one, which differ from others
    assert find_duplicate_time(keys, offsets) == next(
        (row for row in range(1, 60) if row not in offsets), None
    )

"""Sequences of vectors: their sets by a column, their segments, their differences, their binary channels."""

import re

import numpy as np
import pytest

from gatewise.data.sequences.differences import differences
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.vectors import binary_channels, cut_sequences, split_by_column
from gatewise.errors import GatewiseError


def table(sizes, labels=None, classes=(), values=None):
    steps = sum(sizes)
    values = np.arange(2.0 * steps).reshape(steps, 2) ** 2 if values is None else np.asarray(values)
    ids = tuple(f"s{number}" for number in range(len(sizes)))
    lines = np.arange(2, steps + 2)
    return SequenceTable(
        "x.csv", values.astype(np.float32), np.cumsum([0, *sizes]), ids, ("a", "b"),
        None if labels is None else np.repeat(labels, sizes), classes, lines,
    )  # fmt: skip


def test_sets_by_a_column():
    given = table([2, 1, 3, 2], [2, 0, 1, 2], ("Test", "dev", "train"))
    assert split_by_column(given, "part") == ([0, 3], [2], [1])


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0, 1, 2], ("train", "test", "rest"), "x.csv, line 5, column 'part': expected train, validation or"),
        ([0, 1, 1], ("train", "test"), "x.csv: column 'part' assigns no sequence to the validation set"),
    ],
)
def test_other_words_and_empty_sets(labels, classes, message):
    with pytest.raises(GatewiseError, match=re.escape(message)):
        split_by_column(table([1, 2, 3], labels, classes), "part")


def test_a_sequence_in_two_sets():
    given = table([1, 2, 1], [0, 1, 2], ("train", "valid", "test"))
    given.labels[2] = 2
    with pytest.raises(GatewiseError, match=r"sequence 's1' is in two sets, by column 'part'"):
        split_by_column(given, "part")


def test_segments_are_the_sequences_again():
    given = table([5, 1, 8, 3])
    pieces, chosen = cut_sequences(given, [0, 2], max_length=3)
    assert pieces.sizes.tolist() == [3, 2, 1, 3, 3, 2, 3]
    assert chosen.tolist() == [0, 1, 3, 4, 5]
    rows = [row for one in chosen for row in range(pieces.offsets[one], pieces.offsets[one + 1])]
    assert rows == [*range(5), *range(6, 14)]
    assert pieces.ids == ("s0", "s0", "s1", "s2", "s2", "s2", "s3")


def test_binary_channels():
    given = table([2, 2], values=[[1, 0], [0, 1], [1, 1], [1, 0.5]])
    assert binary_channels(given) == (0,)
    assert binary_channels(table([1], values=[[-0.0, 2]])) == (0,)


def test_differences_add_up_to_the_positions():
    given = table([4, 2], [0, 1], ("train", "test"))
    found = differences(given, ["b"])
    assert found.offsets.tolist() == [0, 3, 4]
    assert found.labels.tolist() == [0, 0, 0, 1]
    assert found.lines.tolist() == [3, 4, 5, 7]
    assert np.array_equal(found.values[:, 0], given.values[[1, 2, 3, 5], 0])
    assert np.array_equal(found.values[:3, 1].cumsum() + given.values[0, 1], given.values[1:4, 1])
    assert found.values[3, 1] == given.values[5, 1] - given.values[4, 1]


def test_differences_of_a_missing_channel():
    with pytest.raises(GatewiseError, match=r"x.csv has no channel 'c' to take differences of; it has a, b"):
        differences(table([3]), ["c"])
    with pytest.raises(GatewiseError, match=r"sequence 's1' has one step only: there are no differences"):
        differences(table([3, 1]), ["a"])

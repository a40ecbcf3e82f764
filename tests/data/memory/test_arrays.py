"""Arrays of sequences become a long table that the readers read: no value, step or label is lost."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from gatewise.data.memory.arrays import is_arrays, long_table, sequences_of, write_sequences
from gatewise.data.memory.labels import names_of
from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.long_table import read_long
from gatewise.errors import GatewiseError

DRAW = np.random.default_rng(0)
CUBE = DRAW.normal(size=(3, 5, 2)).round(3)


def read(data, tmp_path, labels=None, layout="NTC", **options):
    """What the reader of long tables makes of the data."""
    path, columns = write_sequences(data, labels, tmp_path, layout, **options)
    found = LongColumns(columns["id"], None, columns.get("label"), columns["channels"])
    return read_long(path, found, labelled=labels is not None)[0]


@pytest.mark.parametrize(
    ("data", "layout"),
    [
        (CUBE, "NTC"),
        (CUBE.transpose(0, 2, 1), "NCT"),
        (np.asfortranarray(CUBE), "NTC"),
        (CUBE[:, ::-1][:, ::-1], "NTC"),
        (CUBE.astype(">f8"), "NTC"),
        (torch.from_numpy(CUBE), "NTC"),
        (torch.from_numpy(CUBE).requires_grad_(), "NTC"),
        (list(CUBE), "NTC"),
        (tuple(torch.from_numpy(one).T for one in CUBE), "NCT"),
    ],
)
def test_an_array_is_read_as_it_is(data, layout, tmp_path):
    assert is_arrays(data)
    table = read(data, tmp_path, layout=layout)
    assert table.ids == ("0", "1", "2")
    np.testing.assert_array_equal(table.values, CUBE.reshape(15, 2).astype(table.values.dtype))
    assert table.offsets.tolist() == [0, 5, 10, 15]


@pytest.mark.parametrize("kind", ["float16", "int8", "uint64", "bool", "longdouble", "bfloat16"])
def test_every_type_of_number_is_read(kind, tmp_path):
    whole = np.array([[[0], [1]], [[1], [0]]])
    data = torch.from_numpy(whole).bfloat16() if kind == "bfloat16" else whole.astype(kind)
    assert read(data, tmp_path).values[:, 0].tolist() == [0, 1, 1, 0]


def test_sequences_of_different_lengths_and_one_channel(tmp_path):
    data = [np.arange(3.0), np.arange(2), np.zeros((1, 1), bool)]
    as_objects = np.empty(3, object)
    as_objects[:] = data
    for given in (data, as_objects):
        table = read(given, tmp_path)
        assert table.values[:, 0].tolist() == [0, 1, 2, 0, 1, 0]
        assert table.sizes.tolist() == [3, 2, 1]


def test_a_channel_that_counts_the_rows_or_repeats_the_label_stays(tmp_path):
    labels = np.arange(20) % 2
    data = np.stack([np.arange(80).reshape(20, 4), np.repeat(labels, 4).reshape(20, 4)], axis=-1)
    table = read(data, tmp_path, labels)
    assert table.channels == ("channel_0", "channel_1")
    np.testing.assert_array_equal(table.values, data.reshape(80, 2))


@pytest.mark.parametrize(
    ("labels", "classes", "dtype"),
    [
        ([2, 10, 2], ["2", "10"], pl.Int64),
        (np.array([2, 10, 2], np.int8), ["2", "10"], pl.Int64),
        (torch.tensor([2, 10, 2]), ["2", "10"], pl.Int64),
        ([torch.tensor(2), torch.tensor(10), torch.tensor(2)], ["2", "10"], pl.Int64),
        (["b", "a", "b"], ["a", "b"], pl.String),
        (np.array(["b", "a", "b"]), ["a", "b"], pl.String),
        (np.array(["b", "a", "b"], object), ["a", "b"], pl.String),
        (pd.Series(["b", "a", "b"], dtype="category"), ["a", "b"], pl.String),
        (pd.Categorical(["b", "a", "b"]), ["a", "b"], pl.String),
        (pd.Series([2, 10, 2], index=[7, 8, 9], dtype="Int64"), ["2", "10"], pl.Int64),
        (pl.Series(["b", "a", "b"]), ["a", "b"], pl.String),
        ([True, False, True], ["false", "true"], pl.Boolean),
        (["b", 1, "b"], ["1", "b"], pl.String),
    ],
)
def test_labels_of_every_form_are_read_and_keep_their_type(labels, classes, dtype, tmp_path):
    table = read(CUBE, tmp_path, labels)
    assert list(table.classes) == classes
    assert [table.classes[one] for one in table.labels[::5]] == names_of(labels)
    assert pl.read_parquet_schema(tmp_path / "sequences.parquet")["label"] == dtype


def test_a_label_for_each_step(tmp_path):
    labels = [np.array([1, 2, 1, 2, 1]), ["2"] * 5, torch.tensor([1, 1, 1, 1, 2])]
    table = read(CUBE, tmp_path, labels, each_step=True)
    assert table.classes == ("1", "2")
    assert (table.labels + 1).tolist() == [1, 2, 1, 2, 1, *[2] * 5, 1, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((0, 5, 2)), "there are no sequences in the data; give one or more"),
        (np.zeros((2, 0, 2)), "sequence 0 has no steps; leave it out"),
        (np.zeros((2, 3, 0)), "sequence 0 has no channels; leave it out"),
        ([np.zeros(2), np.zeros(0)], "sequence 1 has no steps; leave it out"),
        (
            np.zeros(5),
            "expected sequences as an array [N, T, C] or [N, T], got one of shape [5]. "
            "Reshape your data, with X[None] if it is one sequence",
        ),
        (
            np.zeros((1, 2, 3, 4)),
            "expected sequences as an array [N, T, C] or [N, T], got one of shape [1, 2, 3, 4]",
        ),
        (np.full((2, 3), "a"), "the array: expected numbers, got values of type <U1"),
        (np.full((2, 3), None), "the array: expected numbers, got values of type object"),
        (
            np.zeros((2, 3), complex),
            "Complex data not supported: the array has values of type complex128; give "
            "their real and imaginary parts as two channels",
        ),
        ([np.zeros(2), np.array([None])], "sequence 1: expected numbers, got values of type object"),
        ([np.zeros(2), np.zeros((1, 1, 1))], "sequence 1: expected shape [T, C] or [T], got [1, 1, 1]"),
        (
            [np.zeros((2, 1)), np.zeros((2, 2))],
            "sequence 1 has 2 channels and sequence 0 has 1; all need the same",
        ),
        (
            [np.zeros((2, 2)), np.array([[0, 1], [0, np.inf]])],
            "sequence 1, step 1, channel 1: expected a finite number, got inf",
        ),
    ],
)
def test_invalid_sequences_are_named(data, message):
    with pytest.raises(GatewiseError) as caught:
        sequences_of(data)
    assert str(caught.value) == message


def test_a_layout_has_two_names():
    with pytest.raises(GatewiseError, match='expected layout as "NTC" or "NCT", got \'TNC\''):
        sequences_of(CUBE, "TNC")


@pytest.mark.parametrize(
    ("labels", "each_step", "message"),
    [
        ([1, 2], False, "there are 3 sequences and 2 labels"),
        ([1, None, 2], False, "label 1 is missing; give one for each example"),
        ([1.0, 2.0, np.nan], False, "label 2 is missing; give one for each example"),
        (pd.Series(["a", None, "b"]), False, "label 1 is missing; give one for each example"),
        (["a", "", "b"], False, "label 1 is ''; give a label without surrounding spaces"),
        (["a", "b ", "b"], False, "label 1 is 'b '; give a label without surrounding spaces"),
        (np.zeros((3, 1)), False, "label 0: expected one text or number, got [0.0]"),
        ([[1] * 5] * 2, True, "there are 3 sequences and 2 labels"),
        ([[1] * 5, [1] * 4, [1] * 5], True, "sequence 1 has 5 steps and 4 labels; give one for each"),
        (
            [[1] * 5, [1, None, 1, 1, 1], [1] * 5],
            True,
            "sequence 1, label 1 is missing; give one for each example",
        ),
    ],
)
def test_invalid_labels_are_named(labels, each_step, message):
    with pytest.raises(GatewiseError) as caught:
        long_table(list(CUBE), labels, each_step)
    assert str(caught.value) == message


def test_values_that_are_masked_or_missing_are_empty_cells(tmp_path):
    masked = np.ma.masked_array([[1, 2], [3, 4]], [[False, True], [False, False]])
    with pytest.raises(GatewiseError, match="row 2, column 'channel_0' is empty or NaN: give a number, or"):
        read(masked, tmp_path)

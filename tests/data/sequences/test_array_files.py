"""Sequences from files of arrays, of which nothing is executed."""

import numpy as np
import pytest

import gatewise
from gatewise.data.sequences.array_files import has_sequences, read_array_file
from gatewise.errors import GatewiseError

X = np.random.default_rng(0).normal(size=(12, 6, 2))
LABELS = np.array(["b", "a"])[np.arange(12) % 2]


def test_a_npz_file_has_labels_and_lengths(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, X=X, y=LABELS, lengths=np.arange(12) % 6 + 1)
    table = read_array_file(path)
    assert table.sizes.tolist() == (np.arange(12) % 6 + 1).tolist()
    assert table.classes == ("a", "b")
    assert [table.classes[table.labels[start]] for start in table.offsets[:-1]] == LABELS.tolist()
    np.testing.assert_array_equal(table.values[table.offsets[5] : table.offsets[6]], X[5])
    np.savez_compressed(path, X=X[..., 0])
    assert read_array_file(path, labelled=False).values.shape == (72, 1)
    with pytest.raises(GatewiseError, match=r"data.npz has no labels; expected X \[N, T, C\]"):
        read_array_file(path)


def test_a_npy_file_has_its_labels_beside_it(tmp_path):
    np.save(tmp_path / "X_train.npy", X)
    with pytest.raises(GatewiseError, match=r"X_train.npy has no labels"):
        read_array_file(tmp_path / "X_train.npy")
    np.save(tmp_path / "y_train.npy", np.stack([X.sum((1, 2)), X[:, 0, 0]], axis=1))
    table = read_array_file(tmp_path / "X_train.npy", numeric=True)
    assert table.target_names == ("target_1", "target_2")
    np.testing.assert_array_equal(table.targets[:, 1], X[:, 0, 0])
    assert "labels are read from" in table.notes[0]


def test_channels_that_come_first_are_noted(tmp_path):
    np.savez(tmp_path / "data.npz", X=X.transpose(0, 2, 1), y=LABELS)
    (note,) = read_array_file(tmp_path / "data.npz").notes
    assert note == "X has 2 steps of 6 channels; if the channels come first, write X.transpose(0, 2, 1)"


def with_gap():
    values = X.copy()
    values[3, 4, 1] = np.nan
    return values


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.array([{}], object), "y": LABELS}, "contains Python objects"),
        ({"X": X, "y": np.array([None] * 12)}, "contains Python objects"),
        ({"X": X, "y": LABELS[:5]}, r"y: expected 12 labels, one for each sequence, got \[5\]"),
        ({"X": X[0, 0], "y": LABELS}, r"X: expected sequences as an array \[N, T, C\] or \[N, T\]"),
        ({"X": LABELS, "y": LABELS}, "X: "),
        ({"X": X, "y": LABELS, "lengths": np.arange(12)}, r"expected lengths as 12 whole numbers in 1..6"),
        ({"X": with_gap(), "y": LABELS}, "sequence '3', step 5: the value of channel 2 is missing; --fill"),
        ({"z": X, "y": LABELS}, r"contains z, y; expected X \[N, T, C\]"),
    ],
)
def test_wrong_arrays_are_one_clear_line(tmp_path, arrays, message):
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(GatewiseError, match=message) as caught:
        read_array_file(tmp_path / "data.npz")
    assert "\n" not in str(caught.value)


def test_missing_values_are_filled_on_request(tmp_path):
    np.savez(tmp_path / "data.npz", X=with_gap(), y=LABELS)
    table = read_array_file(tmp_path / "data.npz", fill="forward")
    assert table.values[22, 1] == X[3, 3, 1]
    assert "missing values filled with the value before them: 1" in table.notes


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00v\x00{'descr'", b"text"])
def test_a_damaged_array_is_one_clear_line(tmp_path, content):
    (tmp_path / "X.npy").write_bytes(content)
    with pytest.raises(GatewiseError, match=r"X.npy can't be read as an array: ") as caught:
        read_array_file(tmp_path / "X.npy", labelled=False)
    assert "\n" not in str(caught.value)


def test_a_classifier_tells_sequences_from_clips_by_the_names_of_arrays(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, X=X, y=LABELS)
    assert has_sequences(path)
    with gatewise.backend("reference"):
        options = {"hidden": 2, "epochs": 1, "cell": "rnn", "network": "stack", "progress": False}
        model = gatewise.Classifier(**options, min_steps_per_epoch=1, baselines=False).fit(path)
        assert model.model_.task == "classify"
        assert model.predict(path)["label"].len() == 12
    np.savez(path, frames=X[..., None], labels=LABELS)
    assert not has_sequences(path)
    (tmp_path / "text.npz").write_text("no archive")
    assert not has_sequences(tmp_path / "text.npz")

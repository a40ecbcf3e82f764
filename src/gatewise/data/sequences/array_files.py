"""Sequences from files of NumPy arrays: .npz with X and y, or .npy beside the file of their labels."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from gatewise.data.images.array_file import read_array, read_arrays
from gatewise.data.memory.arrays import sequences_of, target_array, target_names
from gatewise.data.memory.label_sets import indicator_array, indicator_names, is_indicators
from gatewise.data.memory.labels import names_of
from gatewise.data.sequences.missing import MaskedFill, with_filled
from gatewise.data.sequences.sequences import SequenceTable, sort_names
from gatewise.data.tables.table import LARGEST
from gatewise.errors import GatewiseError

ARRAYS = (".npz", ".npy")
KEYS = "X [N, T, C] or [N, T], y [N] and, if sequences differ in length, lengths [N]"
LABELS = "y [N, L] of 0 and 1, a column for each label"


def has_sequences(path: Path) -> bool:
    """Whether a .npz file has sequences, by the names of its arrays; its clips are called `frames`."""
    if not path.is_file():  # opening a pipe could block forever
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
    return "X.npy" in names and "frames.npy" not in names


def has_label_columns(path: Path) -> bool:
    """Whether a .npz or .npy file has y [N, L] of 0 and 1, with a column for each of several labels."""
    if path.suffix.lower() not in ARRAYS or not path.is_file():
        return False
    try:
        y = _array_of_labels(path)
    except GatewiseError:  # which is raised again, with what was expected, when the sequences are read
        return False
    return y is not None and is_indicators(y) and bool(((y == 0) | (y == 1)).all())


def _array_of_labels(path: Path) -> np.ndarray | None:
    """The array y of a .npz file, or beside a .npy file; None if there is none. Raises: `GatewiseError`."""
    if path.suffix.lower() == ".npz":
        return read_arrays(path, ("y",), KEYS)["y"]
    beside = _file_of_labels(path)
    return None if beside is None else read_array(beside)


def _file_of_labels(path: Path) -> Path | None:
    """The file of y beside a .npy file of X; None if there is none."""
    beside = path.with_name(path.name.replace("X", "y", 1))
    return beside if beside != path and beside.is_file() else None


def read_array_file(
    path: Path,
    labelled: bool = True,
    fill: MaskedFill | None = None,
    numeric: bool = False,
    multilabel: bool = False,
) -> SequenceTable:
    """Reads the sequences of a .npz or .npy file, without executing code from it.

    A .npz file has `X`, `y` and optionally `lengths`. A .npy file is X; its labels are in the file whose name
    has y in place of X, such as y_train.npy beside X_train.npy.

    labelled: whether labels are needed, or targets if `numeric`; fill: how to fill missing values, NaN
    multilabel: whether the targets are labels, y [N, L] of 0 and 1

    Raises: `GatewiseError` if a file or an array is not of this kind.
    """
    if not path.is_file():
        raise GatewiseError(f"there is no file {str(path)!r}; give a .npz file with {KEYS}")
    notes: list[str] = []
    if path.suffix.lower() == ".npz":
        arrays = read_arrays(path, ("X", "y", "lengths"), KEYS)
    else:
        beside = _file_of_labels(path)
        arrays = {"X": read_array(path)}
        if labelled and beside is not None:
            arrays["y"] = read_array(beside)
            notes.append(f"labels are read from {beside}")
    if labelled and "y" not in arrays:
        raise GatewiseError(f"{path} has no labels; expected {LABELS if multilabel else KEYS}")
    sequences = _sequences(path, arrays)
    values = np.concatenate(sequences).astype(np.float64)
    sizes = [len(one) for one in sequences]
    table = SequenceTable(
        str(path),
        values,
        np.cumsum([0, *sizes]),
        tuple(str(number) for number in range(len(sizes))),
        tuple(f"channel{number + 1}" for number in range(values.shape[1])),
        notes=(*notes, *_notes(arrays["X"])),
    )
    if labelled:
        table = _labelled(table, arrays["y"], numeric, multilabel)
    empty = np.isnan(values)
    if empty.any() and fill is None:
        row, channel = np.argwhere(empty)[0]
        raise GatewiseError(
            f"{path}, {table.place(int(row))}: the value of channel {channel + 1} is missing; --fill forward "
            "fills it"
        )
    return with_filled(table, fill, int(empty.sum()))


def _sequences(path: Path, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The sequences [T, C], without the steps beyond their lengths. Raises: `GatewiseError`."""
    try:
        sequences = sequences_of(arrays["X"])
    except GatewiseError as error:
        raise GatewiseError(f"{path}, X: {error}") from error
    lengths, steps = arrays.get("lengths"), len(sequences[0])
    if lengths is not None:
        valid = lengths.shape == (len(sequences),) and lengths.dtype.kind in "ui"
        if not valid or not ((lengths >= 1) & (lengths <= steps)).all():
            raise GatewiseError(
                f"{path}: expected lengths as {len(sequences)} whole numbers in 1..{steps}, got "
                f"{lengths.dtype} of {list(lengths.shape)}"
            )
        sequences = [one[:length] for one, length in zip(sequences, lengths.tolist(), strict=True)]
    for number, one in enumerate(sequences):
        if (np.abs(one) > LARGEST).any():
            raise GatewiseError(f"{path}: sequence {number} has a value beyond {LARGEST:g}; correct it")
    return sequences


def _labelled(table: SequenceTable, y: np.ndarray, numeric: bool, multilabel: bool) -> SequenceTable:
    """The table with its labels or targets. Raises: `GatewiseError` if their number is another."""
    try:
        if multilabel:
            if not is_indicators(y) or len(y) != len(table):
                raise GatewiseError(
                    f"expected {LABELS}, for N = {len(table)}, got {y.dtype} of {list(y.shape)}"
                )
            names = tuple(map(str, indicator_names(y)))
            return replace(table, targets=indicator_array(y).astype(float), target_names=names)
        if numeric:
            targets = target_array(y, len(table))
            return replace(table, targets=targets, target_names=target_names(targets))
        if y.shape != (len(table),):
            sets = y.ndim == 2 and len(y) == len(table)
            several = f" of other values than 0 and 1; for any number of labels, give {LABELS}" * sets
            raise GatewiseError(
                f"expected {len(table)} labels, one for each sequence, got {list(y.shape)}{several}"
            )
        given = names_of(y)
    except GatewiseError as error:
        raise GatewiseError(f"{table.path}, y: {error}") from error
    names = tuple(dict.fromkeys(given))
    classes, order = sort_names(names)
    numbers = order[[names.index(name) for name in given]]
    return replace(table, labels=np.repeat(numbers, table.sizes), classes=classes)


def _notes(values: np.ndarray) -> tuple[str, ...]:
    """A note on arrays whose channels may come before their steps."""
    if values.ndim != 3 or values.shape[1] >= values.shape[2]:
        return ()
    advice = "if the channels come first, write X.transpose(0, 2, 1)"
    return (f"X has {values.shape[1]} steps of {values.shape[2]} channels; {advice}",)

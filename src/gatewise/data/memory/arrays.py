"""Arrays of sequences as a long table with a row for each step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from gatewise.data.memory.labels import check_labels, label_column, values_of
from gatewise.errors import GatewiseError

Layout = Literal["NTC", "NCT"]
SEQUENCE, LABEL, TARGET, WEIGHT, GROUP = "sequence", "label", "target", "weight", "group"
CHANNEL = "channel_"  # before the number of a channel


def is_array(data: object) -> bool:
    """Whether the data are a NumPy array or a tensor.

    >>> is_array(np.zeros(3)), is_array([0, 0, 0])
    (True, False)
    """
    return isinstance(data, np.ndarray) or (hasattr(data, "detach") and hasattr(data, "numpy"))


def is_arrays(data: object) -> bool:
    """Whether the data are an array, a tensor, or a list of arrays."""
    if isinstance(data, list | tuple):
        return bool(data) and all(is_array(one) for one in data)
    return is_array(data)


def array_like(data: Any) -> Any:
    """Lists of lists of numbers, and objects that convert to an array, as arrays; other data as they are.

    Raises: `GatewiseError` if the lists in a list have different lengths.

    >>> array_like([[1, 2], [3, 4]])[1]
    array([3, 4])
    """
    if isinstance(data, list | tuple) and data and all(isinstance(one, list | tuple) for one in data):
        try:
            return [np.asarray(one) for one in data]
        except ValueError as error:
            raise GatewiseError(f"the lists of numbers do not make an array [T, C]: {error}") from error
    converts = hasattr(data, "__array__") and not is_array(data)
    return np.asarray(data) if converts else data


def as_array(data: Any) -> np.ndarray:
    """A tensor on any device, or an array, as a NumPy array; masked values become NaN.

    >>> as_array(np.ma.masked_array([1, 2], [False, True]))
    array([ 1., nan])
    """
    if hasattr(data, "detach"):
        data = data.detach().cpu()
        return (data.float() if str(data.dtype) == "torch.bfloat16" else data.resolve_conj()).numpy()
    if isinstance(data, np.ma.MaskedArray):
        return np.ma.filled(data.astype(float), np.nan)
    return np.asarray(data)


def sequences_of(data: Any, layout: Layout = "NTC") -> list[np.ndarray]:
    """Sequences [T, C] of an array [N, T, C] or [N, T], or of a list of arrays [T, C] or [T].

    layout: "NCT" if channels come before steps, as in aeon and tsai

    Raises: `GatewiseError` with the number of the first invalid sequence.

    >>> [one.shape for one in sequences_of(np.zeros((2, 3, 7)), "NCT")]
    [(7, 3), (7, 3)]
    """
    if layout not in ("NTC", "NCT"):
        raise GatewiseError(f'expected layout as "NTC" or "NCT", got {layout!r}')
    if is_array(data):
        data = as_array(data)
        is_list = data.dtype == object and data.ndim == 1 and all(is_array(one) for one in data)
        if not is_list and data.ndim not in (2, 3):
            raise GatewiseError(
                f"expected sequences as an array [N, T, C] or [N, T], got one of shape {list(data.shape)}"
                f"{'. Reshape your data, with X[None] if it is one sequence' * (data.ndim == 1)}"
            )
        if not is_list:
            _check_numbers("the array", data)
    found: list[np.ndarray] = []
    for number, one in enumerate(data):
        one = as_array(one)
        _check_numbers(f"sequence {number}", one)
        if one.ndim not in (1, 2):
            raise GatewiseError(f"sequence {number}: expected shape [T, C] or [T], got {list(one.shape)}")
        one = one[:, None] if one.ndim == 1 else one.T if layout == "NCT" else one
        if found and one.shape[1] != found[0].shape[1]:
            raise GatewiseError(
                f"sequence {number} has {one.shape[1]} channels and sequence 0 has {found[0].shape[1]}; "
                "all need the same"
            )
        if not one.size:
            raise GatewiseError(
                f"sequence {number} has no {'channels' if len(one) else 'steps'}; leave it out"
            )
        infinite = np.isinf(one) if one.dtype.kind == "f" else np.zeros((1, 1), bool)
        if infinite.any():
            step, channel = np.argwhere(infinite)[0]
            raise GatewiseError(
                f"sequence {number}, step {step}, channel {channel}: expected a finite number, "
                f"got {one[step, channel]}"
            )
        found.append(one)
    if not found:
        raise GatewiseError("there are no sequences in the data; give one or more")
    return found


def _check_numbers(name: str, array: np.ndarray) -> None:
    if array.dtype.kind == "c":
        raise GatewiseError(
            f"Complex data not supported: {name} has values of type {array.dtype}; give their real and "
            "imaginary parts as two channels"
        )
    if array.dtype.kind not in "uifb":
        raise GatewiseError(f"{name}: expected numbers, got values of type {array.dtype}")


def long_table(
    sequences: Sequence[np.ndarray],
    labels: Any = None,
    each_step: bool = False,
    weights: Any = None,
    groups: Any = None,
    targets: np.ndarray | None = None,
    label_columns: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Sequences [T, C] as a table with a row for each step.

    Its columns are `sequence`, one per channel, those of `label_columns`, and `label`, `target`, `weight` and
    `group` if there are any.

    labels: one per sequence; with `each_step` a list per sequence, one per step
    weights, groups: one per sequence; targets: [N, K], as by `target_array`
    label_columns: with a row per sequence, of sequences that have any number of labels

    Raises: `GatewiseError` if the number of labels is not that of the sequences or steps, or one is missing;
        if the number of weights or groups is not that of the sequences, or one is not as expected.

    >>> long_table([np.zeros((2, 1)), np.ones((1, 1))], ["a", "b"]).rows()
    [(0, 0.0, 'a'), (0, 0.0, 'a'), (1, 1.0, 'b')]
    """
    sizes = [len(one) for one in sequences]
    owners = np.repeat(np.arange(len(sequences)), sizes)
    frame: dict[str, Any] = {SEQUENCE: owners}
    frame |= dict(zip(channel_names(sequences), _plain(np.concatenate(list(sequences))).T, strict=True))
    if labels is not None and each_step:
        frame[LABEL] = _step_labels(labels, sizes)
    elif labels is not None:
        frame[LABEL] = label_column(labels, len(sequences), "sequences").gather(owners)
    if label_columns is not None:
        if label_columns.height != len(sequences):
            raise GatewiseError(
                f"expected {len(sequences)} sets of labels, one for each sequence, got {label_columns.height}"
            )
        for name in label_columns.columns:
            if name in (SEQUENCE, WEIGHT, GROUP) or is_channel(name):
                raise GatewiseError(f"a label is called {name!r}, as a column of the sequences; rename it")
        frame |= {one.name: one.gather(owners) for one in label_columns}
    if targets is not None:
        frame |= dict(zip(target_names(targets), targets[owners].T, strict=True))
    if weights is not None:
        frame[WEIGHT] = _weights(weights, len(sequences))[owners]
    if groups is not None:
        frame[GROUP] = _groups(groups, len(sequences)).gather(owners)
    return pl.DataFrame({name: np.ascontiguousarray(v) if is_array(v) else v for name, v in frame.items()})


def channel_names(sequences: Sequence[np.ndarray]) -> tuple[str, ...]:
    """The names of the channels of sequences [T, C] in `long_table`."""
    return tuple(f"{CHANNEL}{number}" for number in range(sequences[0].shape[1]))


def is_channel(name: str) -> bool:
    """Whether a column is a channel of sequences in `long_table`.

    >>> is_channel("channel_1"), is_channel("time")
    (True, False)
    """
    return name.startswith(CHANNEL) and name.removeprefix(CHANNEL).isdecimal()


def target_names(targets: np.ndarray) -> tuple[str, ...]:
    """The names of targets [N, K] in `long_table`.

    >>> target_names(np.zeros((5, 1))), target_names(np.zeros((5, 2)))
    (('target',), ('target_1', 'target_2'))
    """
    count = targets.shape[1]
    return (TARGET,) if count == 1 else tuple(f"{TARGET}_{number}" for number in range(1, count + 1))


def target_array(targets: Any, count: int) -> np.ndarray:
    """The numbers to predict from N sequences, [N, K].

    targets: [N] or [N, K]; count: N

    Raises: `GatewiseError` if their number is not that of the sequences, or one is not a finite number.

    >>> target_array([1, 2], 2).tolist()
    [[1.0], [2.0]]
    """
    given = as_array(targets)
    if given.dtype.kind == "c":
        raise GatewiseError("Complex data not supported: the targets are complex numbers")
    try:
        found = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise GatewiseError(f"the targets are not numbers: {error}") from error
    if found.ndim not in (1, 2) or len(found) != count or not found.size:
        raise GatewiseError(
            f"expected {count} targets, one for each sequence, or an array [{count}, K], got shape "
            f"{list(found.shape)}"
        )
    found = found.reshape(count, -1)
    wrong = ~np.isfinite(found).all(1)
    if wrong.any():
        number = int(wrong.argmax())
        value = found[number][~np.isfinite(found[number])][0]
        raise GatewiseError(f"target {number}: expected a finite number, got {value} (NaN or infinity)")
    return found


def write_sequences(
    data: Any,
    labels: Any,
    folder: Path,
    layout: Layout,
    each_step: bool = False,
    weights: Any = None,
    groups: Any = None,
    targets: Any = None,
    label_columns: pl.DataFrame | None = None,
) -> tuple[Path, dict[str, Any]]:
    """Writes sequences to a Parquet file with a row for each step.

    labels: one per sequence, with `each_step` a list per sequence, or None
    weights, groups: one per sequence, or None; targets: one or several numbers per sequence, or None
    label_columns: as in `long_table`, or None

    Returns: the file, and the options that name its columns
    """
    sequences, path = sequences_of(data, layout), folder / "sequences.parquet"
    numbers = None if targets is None else target_array(targets, len(sequences))
    long_table(sequences, labels, each_step, weights, groups, numbers, label_columns).write_parquet(path)
    columns = {"id": SEQUENCE, "channels": channel_names(sequences)}
    columns |= {} if labels is None else {"label": LABEL}
    columns |= {} if label_columns is None else {"label": tuple(label_columns.columns)}
    columns |= {} if numbers is None else {"target": target_names(numbers)}
    columns |= {} if weights is None else {"weight": WEIGHT}
    return path, columns | ({} if groups is None else {"group": GROUP})


def _groups(groups: Any, count: int) -> pl.Series:
    given = pl.Series([None if one is None else str(one) for one in values_of(groups)], dtype=pl.String)
    if len(given) != count:
        raise GatewiseError(f"expected {count} groups, one for each sequence, got {len(given)}")
    if given.null_count():
        raise GatewiseError(f"group {given.is_null().arg_max()} is missing; give a group for each sequence")
    return given


def _weights(weights: Any, count: int) -> np.ndarray:
    try:
        given = np.asarray(as_array(weights), np.float64)
    except (TypeError, ValueError) as error:
        raise GatewiseError(f"the weights are not numbers: {error}") from error
    if given.shape != (count,):
        raise GatewiseError(f"expected {count} weights, one for each sequence, got {list(given.shape)}")
    wrong = ~((given >= 0) & np.isfinite(given))
    if wrong.any():
        number = int(wrong.argmax())
        raise GatewiseError(f"weight {number}: expected a finite number of 0 or more, got {given[number]:g}")
    return given


def _plain(values: np.ndarray) -> np.ndarray:
    """Values in a type that polars supports."""
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        return values.astype(np.float32 if values.dtype.itemsize == 2 else np.float64)
    return values.astype(values.dtype.newbyteorder("="))


def _step_labels(labels: Any, sizes: Sequence[int]) -> pl.Series:
    """The labels of all steps, concatenated."""
    for number, one in enumerate(labels):
        if not (is_array(one) or hasattr(one, "__len__")):
            raise GatewiseError(f"labels of sequence {number}: expected one for each step, got {one!r}")
    given = [values_of(one) for one in labels]
    if len(given) != len(sizes):
        raise GatewiseError(f"there are {len(sizes)} sequences and {len(given)} labels")
    for number, (own, size) in enumerate(zip(given, sizes, strict=True)):
        if len(own) != size:
            raise GatewiseError(
                f"sequence {number} has {size} steps and {len(own)} labels; give one for each"
            )
        check_labels(own, f"sequence {number}, label {{number}}")
    return check_labels([one for own in given for one in own])

"""Arrays of sequences as a long table with a row for each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from gatewise.errors import GatewiseError

Layout = Literal["NTC", "NCT"]
SEQUENCE, LABEL = "sequence", "label"


def is_arrays(data: object) -> bool:
    """Whether the data are an array, a tensor, or a list of arrays."""
    if isinstance(data, list | tuple):
        return bool(data) and all(_is_array(one) for one in data)
    return _is_array(data)


def sequences_of(data: Any, layout: Layout = "NTC") -> list[np.ndarray]:
    """Sequences [T, C] of an array [N, T, C] or [N, T], or of a list of arrays [T, C] or [T].

    layout: "NCT" where channels come before the steps, as in aeon and tsai

    >>> [one.shape for one in sequences_of(np.zeros((2, 3, 7)), "NCT")]
    [(7, 3), (7, 3)]
    """
    if layout not in ("NTC", "NCT"):
        raise GatewiseError(f'expected layout as "NTC" or "NCT", got {layout!r}')
    one_array = _is_array(data)
    given = [_array(one) for one in (_array(data) if one_array else data)]
    if one_array and _array(data).ndim not in (2, 3):
        raise GatewiseError(
            f"expected sequences as an array [N, T, C] or [N, T], got one of shape {list(_array(data).shape)}"
        )
    found: list[np.ndarray] = []
    for number, one in enumerate(given):
        if one.ndim not in (1, 2) or one.dtype.kind not in "uifb":
            raise GatewiseError(
                f"sequence {number}: expected numbers of shape [T, C] or [T], got {one.dtype} of "
                f"shape {list(one.shape)}"
            )
        one = one[:, None] if one.ndim == 1 else one.T if layout == "NCT" else one
        if found and one.shape[1] != found[0].shape[1]:
            raise GatewiseError(
                f"sequence {number} has {one.shape[1]} channels and sequence 0 has {found[0].shape[1]}; "
                "all need the same"
            )
        found.append(one)
    if not found:
        raise GatewiseError("there are no sequences in the data")
    return found


def long_table(
    sequences: Sequence[np.ndarray], labels: Sequence[Any] | None = None, each_step: bool = False
) -> pl.DataFrame:
    """Sequences [T, C] with a row for each step: `sequence`, a column a channel, and `label`.

    labels: one a sequence; or, for each step, a list of them a sequence

    >>> long_table([np.zeros((2, 1)), np.ones((1, 1))], ["a", "b"]).rows()
    [(0, 0.0, 'a'), (0, 0.0, 'a'), (1, 1.0, 'b')]
    """
    sizes = [len(one) for one in sequences]
    values = np.concatenate(list(sequences))
    frame: dict[str, Any] = {SEQUENCE: np.repeat(np.arange(len(sequences)), sizes)}
    frame |= {f"channel_{place}": column for place, column in enumerate(values.T)}
    if labels is not None:
        given = list(labels)
        if len(given) != len(sequences):
            raise GatewiseError(f"there are {len(sequences)} sequences and {len(given)} labels")
        if each_step:
            for number, (own, size) in enumerate(zip(given, sizes, strict=True)):
                if len(own) != size:
                    raise GatewiseError(f"sequence {number} has {size} steps and {len(own)} labels")
            frame[LABEL] = [str(one) for own in given for one in own]
        else:
            frame[LABEL] = np.repeat(np.array([str(one) for one in given], dtype=object), sizes).tolist()
    return pl.DataFrame(frame)


def _is_array(data: object) -> bool:
    return isinstance(data, np.ndarray) or (hasattr(data, "detach") and hasattr(data, "numpy"))


def _array(data: Any) -> np.ndarray:
    """An array of NumPy; tensors are taken from where they are."""
    return data.detach().cpu().numpy() if hasattr(data, "detach") else np.asarray(data)

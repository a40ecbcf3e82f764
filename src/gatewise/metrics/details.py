"""Tables about the predictions of one network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Details:
    """A table about the predictions of one network."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as text: the first column to the left, all others to the right.

    >>> print(aligned(("model", "MASE"), [("lstm", "0.912"), ("naive *", "1.5")]))
    model     MASE
    lstm     0.912
    naive *    1.5
    """
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)

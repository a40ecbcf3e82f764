"""Tables about the predictions of one network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Details:
    """A table about the predictions of one network."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

"""Names in messages and notes: a few of possibly many."""

from __future__ import annotations

from collections.abc import Sequence

MAX_NAMED = 3


def name_some(names: Sequence[str]) -> str:
    """The first three of some names, and how many more there are.

    >>> name_some(["a", "b", "c", "d"])
    "'a', 'b', 'c' and 1 more"
    """
    more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return ", ".join(map(repr, names[:MAX_NAMED])) + more

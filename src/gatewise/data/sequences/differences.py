"""Channels as differences from step to step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.spool import Spool
from gatewise.errors import GatewiseError


def differences(table: SequenceTable, names: Sequence[str]) -> SequenceTable:
    """The table with some channels replaced by their differences from step to step, without first steps.

    >>> walk = np.array([[1, 0], [3, 1], [2, 0]], np.float32)
    >>> table = SequenceTable("", walk, np.array([0, 3]), ("a",), ("x", "lifted"))
    >>> differences(table, ["x"]).values.tolist()
    [[2.0, 1.0], [-1.0, 0.0]]

    Raises: `GatewiseError` if there is no such channel, or a sequence has one step only.
    """
    for name in names:
        if name not in table.channels:
            raise GatewiseError(
                f"{table.path} has no channel {name!r} to take differences of; "
                f"it has {', '.join(table.channels)}"
            )
    short = np.flatnonzero(table.sizes < 2)
    if len(short):
        raise GatewiseError(
            f"{table.path}: sequence {table.ids[short[0]]!r} has one step only: there are no differences; "
            "remove it"
        )
    places = [table.channels.index(name) for name in names]
    spool = Spool(len(table.channels))
    for first, last in zip(table.offsets[:-1], table.offsets[1:], strict=True):
        rows = np.array(table.values[first + 1 : last])
        rows[:, places] = np.diff(table.values[first:last][:, places], axis=0)
        spool.add(rows)
    kept = np.ones(len(table.values), bool)
    kept[table.offsets[:-1]] = False
    return replace(
        table,
        values=spool.values(),
        offsets=table.offsets - np.arange(len(table.offsets)),
        labels=None if table.labels is None else table.labels[kept],
        lines=None if table.lines is None else table.lines[kept],
    )

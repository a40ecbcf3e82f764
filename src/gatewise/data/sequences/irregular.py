"""Irregular times of sequences: the unit of the elapsed times that networks read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from gatewise.data.sequences.gaps import TimeUnit
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.errors import GatewiseError

MOST_STEPS = 1 << 22  # of which the median is computed; beyond, only every n-th sequence is used


def with_learned_times(table: SequenceTable, slices: Sequence[slice]) -> SequenceTable:
    """The table with the median elapsed time of the training set as the unit of its times, and a note.

    slices: the rows of each training sequence

    Raises: `GatewiseError` if rows have no times, or if no training sequence has two steps.
    """
    times = _require_times(table)
    steps = sum(rows.stop - rows.start for rows in slices)
    chosen = slices[:: -(-steps // MOST_STEPS)]
    elapsed = np.concatenate([np.diff(times[rows]) for rows in chosen])
    if not elapsed.size:
        raise GatewiseError(
            f"{table.path}: no training sequence has two steps, between which time elapses; leave "
            "--irregular out"
        )
    length = float(np.median(elapsed))
    median = _describe(length, table.dated)
    note = f"elapsed times are in units of {median}, their median in the training set"
    if np.ptp(elapsed) == 0:
        note = f"all steps of the training set are {median} apart, so that --irregular adds nothing"
    return replace(table, unit_of_time=TimeUnit(length, table.dated), notes=(*table.notes, note))


def with_known_times(table: SequenceTable, unit: TimeUnit | None) -> SequenceTable:
    """The table with the unit of the times that a model learned, if it reads times.

    Raises: `GatewiseError` if rows have no times, or numbers in place of dates.
    """
    if unit is None:
        return table
    _require_times(table)
    if table.dated != unit.dated:
        kinds = ("numbers", "dates")
        raise GatewiseError(
            f"{table.path}: the times are {kinds[table.dated]}; the model was trained on {kinds[unit.dated]}"
        )
    return replace(table, unit_of_time=unit)


def _require_times(table: SequenceTable) -> np.ndarray:
    if table.times is None:
        raise GatewiseError(
            f"{table.path} has no column of times, which --irregular needs: give a table with a row for each "
            "step and --time COLUMN, or arrays of which a channel has the times and --time channel_0"
        )
    return table.times


def _describe(length: float, dated: bool) -> str:
    """A length of time in words.

    >>> _describe(5400e6, dated=True), _describe(0.5, dated=False)
    ('1:30:00', '0.5')
    """
    return str(timedelta(microseconds=length)) if dated else f"{length:g}"

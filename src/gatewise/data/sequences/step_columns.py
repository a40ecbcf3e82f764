"""The columns of the steps in a wide table, whose rows are sequences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

NUMBERED = re.compile(r"(.*?)(\d{1,9})")


def find_steps(table: Table, roles: LongColumns) -> list[str]:
    """The columns of the steps: those with consecutive numbers, or else all columns of numbers.

    Raises: `GatewiseError` if there are none, or not the first one that is known.
    """
    if roles.channels:
        return list(roles.channels)
    if roles.first_step is not None:
        table.column(roles.first_step, "first step")
        return _run(table.columns, table.columns.index(roles.first_step))
    taken = roles.taken
    left = [name for name in table.columns if name not in taken]
    steps = find_numbered(left)
    if steps:
        _require_one_channel(table, steps, left)
        return steps
    steps = [name for name in left if not table.has_texts(name)]
    if not steps:
        raise GatewiseError(f"{table.path} has no columns of numbers for the steps of a sequence")
    return steps


def find_numbered(names: Sequence[str]) -> list[str]:
    """The longest run of names with consecutive numbers, such as t0, t1, t2; none of fewer than three.

    >>> find_numbered(["id", "x", "t0", "t1", "t2", "y1"])
    ['t0', 't1', 't2']
    """
    longest = max(_runs(names), key=len, default=[])
    return longest if len(longest) > 2 else []


def _require_one_channel(table: Table, steps: Sequence[str], left: Sequence[str]) -> None:
    """Raises: `GatewiseError` if other columns may be steps too: those with the same name before the number,
    or at least half as many with consecutive numbers.
    """
    taken = set(steps)
    others = [name for name in left if name not in taken]
    many = next((run for run in _runs(others) if 2 * len(run) >= len(steps)), [])
    alike = [name for name in others if _before_number(name) == _before_number(steps[0])]
    if beside := (many or alike):
        raise GatewiseError(
            f"{table.path}: the steps may be the columns {steps[0]!r} to {steps[-1]!r}, and {beside[0]!r} to "
            f"{beside[-1]!r} too; name all columns of the only channel with --channels, or give a table with "
            "a row for each step"
        )


def _before_number(name: str) -> str | None:
    """The name of a column without the number at its end; None if it has none."""
    part = NUMBERED.fullmatch(name.strip())
    return None if part is None else part[1]


def _runs(names: Sequence[str]) -> Iterator[list[str]]:
    """Yields the runs of names with consecutive numbers."""
    place = 0
    while place < len(names):
        run = _run(names, place)
        if run:
            yield run
        place += max(len(run), 1)


def _run(names: Sequence[str], first: int = 0) -> list[str]:
    """The names from the first one on that have consecutive numbers; none if it has no number.

    >>> _run(["label", "t8", "t9", "t10", "id"], 1)
    ['t8', 't9', 't10']
    """
    run: list[str] = []
    prefix, start = "", 0
    for place in range(first, len(names)):
        part = NUMBERED.fullmatch(names[place].strip())
        if part is None or (run and (part[1], int(part[2])) != (prefix, start + len(run))):
            break
        if not run:
            prefix, start = part[1], int(part[2])
        run.append(names[place])
    return run

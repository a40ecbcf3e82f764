"""Which column of a long table of sequences is what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatewise.data.tables.columns import ID_NAMES, TIME_NAMES
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

NAMES = {
    "id": (*ID_NAMES, "sequence", "sequence_id", "case", "case_id"),
    "time": TIME_NAMES,
    "label": ("label", "class", "target", "category", "activity"),
}
INDEX_NAMES = ("", "unnamed: 0", "__index_level_0__")  # a row's number, as pandas writes it


@dataclass(frozen=True)
class LongColumns:
    """Columns by role; those that are not named are recognised. `channels` () means all that are left.

    part: of train, validation and test, read in place of a label; recognised by no name
    """

    id: str | None = None
    time: str | None = None
    label: str | None = None
    channels: tuple[str, ...] = ()
    part: str | None = None

    @property
    def told(self) -> str:
        """What was found, in a sentence."""
        order = f"column {self.time!r}" if self.time else "the order of their rows"
        label = f", the label is {self.label!r}" if self.label else ""
        part = f", their parts by column {self.part!r}" if self.part else ""
        channels = ", ".join(self.channels[:6]) + (" ..." if len(self.channels) > 6 else "")
        return (
            f"sequences are told apart by column {self.id!r}, their steps by {order}{part}{label}; "
            f"{len(self.channels)} channel{'s' * (len(self.channels) > 1)}: {channels}"
        )


def recognise_long(table: Table, given: LongColumns, labelled: bool) -> LongColumns:
    """The columns by role. A label is looked for in any case: it is no channel where none is asked for.

    Errors: `GatewiseError` where one is not there, or has two roles.
    """
    roles = {"id": given.id, "time": given.time, "label": given.label, "part": given.part}
    named = [*(name for name in roles.values() if name is not None), *given.channels]
    for role, name in (*roles.items(), *(("channel", name) for name in given.channels)):
        if name is not None:
            table.column(name, role)
            if named.count(name) > 1:
                raise GatewiseError(f"{table.path}: the column {name!r} was given two roles; give it one")
    left = [name for name in table.columns if name not in named and name.lower() not in INDEX_NAMES]
    for role, usual in NAMES.items():
        if roles[role] is None:
            roles[role] = _first(left, usual)
            left = [name for name in left if name != roles[role]]
    columns = ", ".join(table.columns)
    if roles["id"] is None:
        raise GatewiseError(
            f"{table.path}: none of the columns {columns} is called like one that tells sequences apart; "
            "name it with --id COLUMN, or add a column id with the number of its sequence in each row"
        )
    if labelled and roles["label"] is None:
        raise GatewiseError(
            f"{table.path}: no column is called like a label among {columns}; name it with --label COLUMN"
        )
    channels = given.channels or tuple(left)
    if not channels:
        beside = ", ".join(name for name in roles.values() if name)
        raise GatewiseError(f"{table.path} has no column of values beside {beside}")
    return LongColumns(roles["id"], roles["time"], roles["label"] if labelled else None, channels, given.part)


def _first(left: Sequence[str], usual: Sequence[str]) -> str | None:
    """The column with the most usual of the names."""
    found = [name for name in left if name.lower() in usual]
    return min(found, key=lambda name: usual.index(name.lower()), default=None)

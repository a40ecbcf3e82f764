"""The roles of the columns of a long table of sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from gatewise.data.tables.columns import ID_NAMES, TIME_NAMES
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.joined_id import describe_id
from gatewise.data.tables.row_numbers import ENOUGH, counts_rows, is_unnamed
from gatewise.data.tables.table import Table
from gatewise.errors import GatewiseError

NAMES = {
    "id": (*ID_NAMES, "sequence", "sequence_id", "case", "case_id"),
    "time": TIME_NAMES,
    "label": ("label", "class", "target", "category", "activity"),
    "target": ("target", "y", "response", "label"),
}


@dataclass(frozen=True)
class LongColumns:
    """Columns by role; those that are None are recognized by name. `channels` () means all others.

    split_column, weight, group: given only, not recognized; the first has the words train, validation and
        test, and is read instead of a label
    dialect: how the table is written
    id_source: the columns that the id is made from; None if it is one column
    wide: "rows" if each row is a sequence, with a column for each step; None if each row is a step
    first_step: of a wide table, the first of the numbered columns that are its steps
    targets: the columns of the numbers to predict from a sequence, instead of a label
    multilabel: whether sequences have any number of labels; `targets` are then a column for each label, or
        one column of sets of labels: of lists, or of texts with `label_separator`
    """

    id: str | None = None
    time: str | None = None
    label: str | None = None
    channels: tuple[str, ...] = ()
    split_column: str | None = None
    weight: str | None = None
    group: str | None = None
    dialect: Dialect = field(default_factory=Dialect)
    targets: tuple[str, ...] = ()
    wide: Literal["rows"] | None = None
    first_step: str | None = None
    multilabel: bool = False
    label_separator: str | None = None
    id_source: tuple[str, ...] | None = None

    @property
    def taken(self) -> set[str | None]:
        """The columns that have a role, other than channels."""
        names = (self.id, self.time, self.label, self.split_column, self.weight, self.group)
        return {*names, *self.targets, *(self.id_source or ())}

    def describe_targets(self) -> str:
        """The columns of the label, the labels or the targets, in a phrase that begins with a comma."""
        if self.label:
            return f", labelled by column {self.label!r}"
        names = ", ".join(map(repr, self.targets))
        if not names:
            return ""
        if not self.multilabel:
            return f", targets are in {names}"
        return f", labelled by column{'s' * (len(self.targets) > 1)} {names}"

    def describe(self, unused: Sequence[str] = ()) -> str:
        """The roles in a sentence. unused: columns that are not channels"""
        order = f"column {self.time!r}" if self.time else "their order in the file"
        part = f", split by column {self.split_column!r}" if self.split_column else ""
        weight = f", weighted by column {self.weight!r}" if self.weight else ""
        group = f", grouped by column {self.group!r}" if self.group else ""
        channels = ", ".join(self.channels[:6]) + (" ..." if len(self.channels) > 6 else "")
        left_out = f"; not used: {', '.join(map(repr, unused))} (--channels adds them)" if unused else ""
        return (
            f"sequences are identified by {describe_id(self.id, self.id_source)}, rows are sorted by {order}"
            f"{part}{self.describe_targets()}{weight}{group}; "
            f"{len(self.channels)} channel{'s' * (len(self.channels) > 1)}: {channels}{left_out}"
        )


def recognize_long(
    table: Table, given: LongColumns, labelled: bool, numeric: bool = False
) -> tuple[LongColumns, tuple[str, ...]]:
    """The columns by role, and those without a role.

    Row numbers, copies of the label or a target under another name, and an unused label are not channels.

    table: the first rows of a file; labelled: whether a label is needed, or a target if `numeric`

    Raises: `GatewiseError` if a column is missing or has two roles.
    """
    wanted = wanted_role(given, numeric)
    roles = {
        "id": given.id,
        "time": given.time,
        wanted: next(iter(given.targets), None) if numeric else given.label,
        "name of the set": given.split_column,
        "weight": given.weight,
        "group": given.group,
    }
    others = [(wanted, name) for name in given.targets[1:]] + [("channel", name) for name in given.channels]
    excluded = {*_require_once(table, (*roles.items(), *others)), *(given.id_source or ())}
    left = [name for name in table.columns if name not in excluded and not is_unnamed(name)]
    for role in ("id", "time", wanted):
        if roles[role] is None:
            roles[role] = _find(table, left, role)
            left = [name for name in left if name != roles[role]]
    _require_found(table, roles, wanted if labelled else "id")
    found = roles[wanted]
    targets = given.targets or ((found,) if numeric and found is not None else ())
    label = None if numeric else found
    unused = () if given.channels else _find_unused(table, left, str(roles["id"]), label, targets)
    channels = given.channels or tuple(name for name in left if name not in unused)
    if not channels:
        taken = ", ".join(name for name in roles.values() if name)
        raise GatewiseError(f"{table.path} has no column of values other than {taken}; add one")
    label, targets = (label, targets) if labelled else (None, ())
    columns = replace(
        given, id=roles["id"], time=roles["time"], label=label, channels=channels, targets=targets
    )
    return columns, unused


def _require_once(table: Table, given: Sequence[tuple[str, str | None]]) -> list[str]:
    """The columns that are given for roles.

    Raises: `GatewiseError` if the table lacks one, or one has two roles.
    """
    named = [name for _, name in given if name is not None]
    for role, name in given:
        if name is not None:
            table.column(name, role)
            if named.count(name) > 1:
                raise GatewiseError(f"{table.path}: the column {name!r} was given two roles; give it one")
    return named


def _require_found(table: Table, roles: Mapping[str, str | None], wanted: str) -> None:
    """Raises: `GatewiseError` if there is no id, or no column of the role `wanted`."""
    names = ", ".join(table.columns)
    if roles["id"] is None:
        raise GatewiseError(
            f"{table.path}: none of the columns {names} has the name of an id of sequences; name it with "
            "--id COLUMN, or add a column id with the number of its sequence in each row; "
            f"{table.excerpt()}"
        )
    if roles[wanted] is None:
        raise GatewiseError(
            f"{table.path}: none of the columns {names} has the name of a {wanted}; name one with "
            f"--{wanted} COLUMN; {table.excerpt()}"
        )


def wanted_role(columns: LongColumns, numeric: bool) -> str:
    """The role of the columns that are to be predicted. numeric: whether they are read as targets"""
    return "target" if numeric and not columns.multilabel else "label"


def find_column(names: Sequence[str], role: str) -> str | None:
    """The column with the most usual of the names of a role.

    >>> find_column(["Target", "y", "label"], "label")
    'label'
    """
    return next(iter(_with_usual_names(names, role)), None)


def _with_usual_names(names: Sequence[str], role: str) -> list[str]:
    """The columns with usual names of a role, the most usual first."""
    usual = NAMES[role]
    found = (name for name in names if name.lower() in usual)
    return sorted(found, key=lambda name: usual.index(name.lower()))


def _find(table: Table, left: Sequence[str], role: str) -> str | None:
    """The column with the most usual of the names; for an id, preferably one whose values repeat."""
    found = _with_usual_names(left, role)
    repeated = [name for name in found if role != "id" or table.frame[name].is_duplicated().any()]
    return next(iter(repeated or found), None)


def _find_unused(
    table: Table, left: Sequence[str], id: str, label: str | None, targets: Sequence[str]
) -> tuple[str, ...]:
    """The columns that count rows, correspond to the label one to one, or equal a target."""
    frame = table.frame
    several = frame[id].n_unique() > 1
    labels = frame[label].n_unique() if label and frame.height >= ENOUGH else 1
    found = tuple(
        name
        for name in left
        if (several and counts_rows(name, frame[name]))
        or (labels > 1 and frame[name].n_unique() == labels == frame.select(name, label).n_unique())
        or (frame.height >= ENOUGH and any(frame[name].equals(frame[target]) for target in targets))
    )
    return found if len(found) < len(left) else ()

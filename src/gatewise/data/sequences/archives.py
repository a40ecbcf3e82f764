"""Labelled sequences from the archives' own forms: `.ts` (sktime, aeon) and `.arff` (Weka)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gatewise.data.sequences.missing import Fill, carry_forward
from gatewise.data.sequences.sequences import SequenceTable, in_order
from gatewise.data.sequences.spool import Spool, pieces
from gatewise.data.tables.table import LARGEST
from gatewise.errors import GatewiseError

MISSING = ("?", "nan", "")
NO_DATA = "has no @data line, as {} file must"
LONGEST_NUMBER = 9  # digits of what a header counts
NUMERIC = ("numeric", "real", "integer")


@dataclass(frozen=True)
class Case:
    """A sequence as it stands in a line: a text of numbers for each channel, and its label, if any."""

    line: int
    channels: list[str]
    label: str | None


def read_archive(path: Path, labelled: bool = True, fill: Fill | None = None) -> SequenceTable:
    """The sequences of a `.ts` or `.arff` file, a channel each dimension; values go to disk one by one.

    labelled: whether each must have a label; fill: how to fill missing values inside a sequence

    Errors: `GatewiseError` with the line where something is not as the form has it.
    """
    if not path.is_file():
        raise GatewiseError(f"there is no file {str(path)!r}")
    cases: _Cases | None = None
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for case in _FORMS[path.suffix.lower()](path, lines):
                rows = _rows(path, case)
                cases = cases or _Cases(path, rows.shape[1], labelled, fill)
                cases.add(case, rows)
    except UnicodeDecodeError as error:
        raise GatewiseError(f"{path} is not in UTF-8, {_not_utf8(path)}; save it as UTF-8") from error
    if cases is None:
        raise GatewiseError(f"{path} has no sequences after its @data line")
    return cases.table()


class _Cases:
    """All sequences met so far, their values on disk."""

    def __init__(self, path: Path, channels: int, labelled: bool, fill: Fill | None) -> None:
        self.path, self.labelled, self.fill = path, labelled, fill
        self.values, self.labels = Spool(channels), Spool(1, np.int32)
        self.sizes: list[int] = []
        self.seen: dict[str, int] = {}
        self.filled = 0

    def add(self, case: Case, rows: np.ndarray) -> None:
        """Errors: `GatewiseError` where a sequence is not like those before."""
        place, width = f"{self.path}, line {case.line}", self.values.width
        if rows.shape[1] != width:
            raise GatewiseError(f"{place}: expected {width} channels as before, got {rows.shape[1]}")
        empty = np.isnan(rows)
        if empty.any() and self.fill is None:
            step, channel = np.argwhere(empty)[0] + 1
            raise GatewiseError(
                f"{place}: the value of step {step} is missing in channel {channel}; --fill forward fills it"
            )
        if self.labelled:
            if case.label in (None, "", "?"):
                raise GatewiseError(f"{place}: the sequence has no label")
            number = self.seen.setdefault(str(case.label), len(self.seen))
            self.labels.add(np.full((len(rows), 1), number))
        self.values.add(rows)
        self.sizes.append(len(rows))
        self.filled += int(empty.sum())

    def table(self) -> SequenceTable:
        """Them all; the classes in their usual order."""
        classes, numbers = in_order(tuple(self.seen))
        labels = self.labels.values()[:, 0]
        for part in pieces(len(labels)):
            labels[part] = numbers[labels[part]]
        table = SequenceTable(
            str(self.path),
            self.values.values(),
            np.cumsum([0, *self.sizes]),
            tuple(str(place + 1) for place in range(len(self.sizes))),
            tuple(f"channel{place + 1}" for place in range(self.values.width)),
            labels if self.labelled else None,
            classes,
        )
        if not self.filled:
            return table
        carry_forward(table)
        return replace(table, notes=(f"{self.filled:,} missing values take the value before them",))


@dataclass
class _Claims:
    """What a header claims of the sequences, None where it claims nothing; equal: all have as many steps."""

    path: Path
    channels: int | None = None
    steps: int | None = None
    equal: bool | None = None

    def check(self, case: Case) -> None:
        """Errors: `GatewiseError` with the line of a sequence that is otherwise."""
        found = {"channels": len(case.channels), "steps": case.channels[0].count(",") + 1}
        claimed = {"channels": self.channels, "steps": None if self.equal is False else self.steps}
        for name, count in found.items():
            if claimed[name] not in (None, count):
                raise GatewiseError(
                    f"{self.path}, line {case.line}: by the header each sequence has {claimed[name]} {name}, "
                    f"got {count}"
                )
        self.steps = found["steps"] if self.equal else self.steps

    def read(self, line: int, tag: str, words: list[str]) -> None:
        """A line of a `.ts` header. Errors: `GatewiseError` where a number is none."""
        first = words[0].lower() if words else ""
        if tag in ("@dimensions", "@dimension", "@serieslength"):
            if not first.isdecimal() or len(first) > LONGEST_NUMBER:
                raise GatewiseError(
                    f"{self.path}, line {line}: expected a number behind {tag}, got {first[:20]!r}"
                )
            name = "steps" if tag == "@serieslength" else "channels"
            setattr(self, name, int(first))
        elif tag == "@univariate" and first == "true":
            self.channels = 1
        elif tag == "@equallength":
            self.equal = first == "true"


def _ts(path: Path, lines: Iterator[str]) -> Iterator[Case]:
    classes: list[str] | None = None
    begun, claims = False, _Claims(path)
    for line, text in enumerate(lines, 1):
        text = text.strip()
        if not text or text.startswith("#"):
            continue
        if begun:
            channels = text.split(":")
            label = None if classes is None else channels.pop().strip()
            if not channels:
                raise GatewiseError(
                    f"{path}, line {line}: expected channels and a label, with colons between"
                )
            _check_label(path, line, label, classes)
            case = Case(line, channels, label)
            yield case
            claims.check(case)
            continue
        tag, *words = _header_line(path, line, text, "a .ts")
        first = words[0].lower() if words else ""
        if tag == "@timestamps" and first == "true":
            raise GatewiseError(f"{path}, line {line}: sequences with times of their own are not read")
        if tag == "@targetlabel" and first == "true":
            raise GatewiseError(f"{path}, line {line}: numbers in place of classes are not read")
        if tag == "@classlabel" and first == "true":
            classes = words[1:]
        claims.read(line, tag, words)
        begun = tag == "@data"
    if not begun:
        raise GatewiseError(f"{path} {NO_DATA.format('a .ts')}")


def _arff(path: Path, lines: Iterator[str]) -> Iterator[Case]:
    classes: list[str] | None = None
    begun, claims = False, _Claims(path)
    for line, text in enumerate(lines, 1):
        text = text.strip()
        if not text or text.startswith("%"):
            continue
        if begun:
            values, label = text, None
            if classes is not None:
                values, label = _with_label(text)
            _check_label(path, line, label, classes)
            relation = re.fullmatch(r"""(['"])(.*)\1""", values)
            case = Case(line, relation[2].split("\\n") if relation else [values], label)
            yield case
            claims.check(case)
            continue
        tag, *_ = _header_line(path, line, text, "an .arff")
        nominal = re.fullmatch(r"@attribute\s.*\{(.*)\}", text, re.IGNORECASE)
        if nominal:
            classes = [_bare(name) for name in re.findall(r"""\s*('[^']*'|"[^"]*"|[^,]+)""", nominal[1])]
        elif tag == "@attribute" and text.lower().split()[-1] in NUMERIC:
            claims.steps = (claims.steps or 0) + 1
        begun = tag == "@data"
    if not begun:
        raise GatewiseError(f"{path} {NO_DATA.format('an .arff')}")


def _header_line(path: Path, line: int, text: str, kind: str) -> list[str]:
    """The words of a line above the data, the first in lower case."""
    if not text.startswith("@"):
        raise GatewiseError(f"{path} {NO_DATA.format(kind)} above line {line}, which begins without @")
    tag, *words = text.split()
    return [tag.lower(), *words]


def _with_label(text: str) -> tuple[str, str]:
    """What stands before the last comma that is in no quotes, and the label behind it."""
    found = re.fullmatch(r"""(.*),\s*('[^']*'|"[^"]*"|[^,'"]*)""", text)
    return (found[1].strip(), _bare(found[2])) if found else (text, "")


def _bare(name: str) -> str:
    return name.strip().strip("'\"")


def _check_label(path: Path, line: int, label: str | None, classes: list[str] | None) -> None:
    if classes and label not in (None, "", "?", *classes):
        raise GatewiseError(
            f"{path}, line {line}: expected a label of {', '.join(classes)}, got {str(label)[:30]!r}"
        )


_FORMS: dict[str, Callable[[Path, Iterator[str]], Iterator[Case]]] = {".ts": _ts, ".arff": _arff}
ARCHIVES = tuple(_FORMS)


def _rows(path: Path, case: Case) -> np.ndarray:
    """[T, C]; missing values are NaN, but where all that follows is missing the sequence is over."""
    place = f"{path}, line {case.line}"
    strange = next((one for one in case.channels if "_" in one or not one.isascii()), None)
    if strange is not None or "\0" in (case.label or ""):
        shown = case.label if strange is None else strange.strip()
        raise GatewiseError(f"{place}: expected numbers with commas between, got {str(shown)[:30]!r}")
    try:
        columns = [[_number(cell.strip()) for cell in one.split(",")] for one in case.channels]
    except ValueError as error:
        raise GatewiseError(f"{place}: {error}; numbers with commas between are read") from error
    sizes = {len(one) for one in columns}
    if len(sizes) > 1:
        raise GatewiseError(f"{place}: its channels have {sorted(sizes)} steps; all must have as many")
    rows = np.array(columns).T
    there = np.flatnonzero(~np.isnan(rows).all(1))
    if not len(there):
        raise GatewiseError(f"{place}: the sequence has no values")
    rows = rows[: there[-1] + 1]
    if (np.abs(rows) > LARGEST).any():
        raise GatewiseError(f"{place}: a value is too large, {rows[np.abs(rows) > LARGEST][0]}")
    return rows


def _not_utf8(path: Path) -> str:
    """Where a file is not in UTF-8."""
    before = 0
    with path.open("rb") as file:
        for line, text in enumerate(file, 1):
            try:
                text.decode()
            except UnicodeDecodeError as error:
                return f"at byte {before + error.start} (line {line})"
            before += len(text)
    return "in some line"


def _number(cell: str) -> float:
    return float("nan") if cell.lower() in MISSING else float(cell)

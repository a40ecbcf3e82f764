"""Labelled sequences from archives: `.ts` (sktime, aeon) and `.arff` (Weka)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from gatewise.data.sequences.missing import Fill, carry_forward
from gatewise.data.sequences.sequences import SequenceTable, sort_names
from gatewise.data.sequences.spool import Spool, row_blocks
from gatewise.data.tables.table import LARGEST
from gatewise.errors import GatewiseError

MISSING = ("?", "nan", "")
NO_DATA = "has no @data line, which {} file needs"
MAX_DIGITS = 9  # of a number in a header
NUMERIC = ("numeric", "real", "integer")


Labels = Literal["classes", "numbers"]  # what each sequence must have


@dataclass(frozen=True)
class Case:
    """A sequence as text: the numbers of each channel, and its label or its target, if any."""

    line: int
    channels: list[str]
    label: str | None


def read_archive(
    path: Path, labelled: bool = True, fill: Fill | None = None, numeric: bool = False
) -> SequenceTable:
    """Reads the sequences of a `.ts` or `.arff` file, whose values are spooled to disk.

    labelled: whether each sequence must have a label, or a target if `numeric`
    fill: how to fill missing values

    Raises: `GatewiseError` with the line where the format is violated.
    """
    if not path.is_file():
        raise GatewiseError(f"there is no file {str(path)!r}")
    cases: _Cases | None = None
    try:
        with path.open(encoding="utf-8-sig") as lines:
            labels: Labels | None = ("numbers" if numeric else "classes") if labelled else None
            for case in _FORMS[path.suffix.lower()](path, lines, labels):
                rows = _rows(path, case)
                cases = cases or _Cases(path, rows.shape[1], labels, fill)
                cases.add(case, rows)
    except UnicodeDecodeError as error:
        raise GatewiseError(f"{path} is not in UTF-8, {_not_utf8(path)}; save it as UTF-8") from error
    if cases is None:
        raise GatewiseError(f"{path} has no sequences after its @data line")
    return cases.table()


class _Cases:
    """The sequences read so far, their values on disk."""

    def __init__(self, path: Path, channels: int, wanted: Labels | None, fill: Fill | None) -> None:
        self.path, self.wanted, self.fill = path, wanted, fill
        self.values, self.labels = Spool(channels), Spool(1, np.int32)
        self.targets: list[float] = []
        self.sizes: list[int] = []
        self.seen: dict[str, int] = {}
        self.filled = 0

    def add(self, case: Case, rows: np.ndarray) -> None:
        """Adds a sequence. Raises: `GatewiseError` if its channels, values or label are invalid."""
        place, width = f"{self.path}, line {case.line}", self.values.width
        if rows.shape[1] != width:
            raise GatewiseError(f"{place}: expected {width} channels as before, got {rows.shape[1]}")
        empty = np.isnan(rows)
        if empty.any() and self.fill is None:
            step, channel = np.argwhere(empty)[0] + 1
            raise GatewiseError(
                f"{place}: the value of step {step} is missing in channel {channel}; --fill forward fills it"
            )
        if self.wanted == "numbers":
            self.targets.append(_target(place, case.label))
        elif self.wanted == "classes":
            if case.label in (None, "", "?"):
                raise GatewiseError(f"{place}: the sequence has no label")
            number = self.seen.setdefault(str(case.label), len(self.seen))
            self.labels.add(np.full((len(rows), 1), number))
        self.values.add(rows)
        self.sizes.append(len(rows))
        self.filled += int(empty.sum())

    def table(self) -> SequenceTable:
        """All sequences, with sorted classes."""
        classes, numbers = sort_names(tuple(self.seen))
        labels = self.labels.values()[:, 0]
        for block in row_blocks(len(labels)):
            labels[block] = numbers[labels[block]]
        table = SequenceTable(
            str(self.path),
            self.values.values(),
            np.cumsum([0, *self.sizes]),
            tuple(str(place + 1) for place in range(len(self.sizes))),
            tuple(f"channel{place + 1}" for place in range(self.values.width)),
            labels if self.wanted == "classes" else None,
            classes,
            targets=np.array(self.targets)[:, None] if self.wanted == "numbers" else None,
            target_names=("target",) if self.wanted == "numbers" else (),
        )
        if not self.filled:
            return table
        carry_forward(table)
        return replace(table, notes=(f"missing values filled with the value before them: {self.filled:,}",))


@dataclass
class _Header:
    """What a header declares, None where it declares nothing; `equal`: all sequences have the same length."""

    path: Path
    channels: int | None = None
    steps: int | None = None
    equal: bool | None = None

    def check(self, case: Case) -> None:
        """Raises: `GatewiseError` with the line of a sequence that contradicts the header."""
        found = {"channels": len(case.channels), "steps": case.channels[0].count(",") + 1}
        declared = {"channels": self.channels, "steps": None if self.equal is False else self.steps}
        for name, count in found.items():
            if declared[name] not in (None, count):
                raise GatewiseError(
                    f"{self.path}, line {case.line}: the header declares {declared[name]} {name} for each "
                    f"sequence, got {count}"
                )
        self.steps = found["steps"] if self.equal else self.steps

    def read(self, line: int, tag: str, words: list[str]) -> None:
        """Reads a line of a `.ts` header. Raises: `GatewiseError` if it lacks a number."""
        first = words[0].lower() if words else ""
        if tag in ("@dimensions", "@dimension", "@serieslength"):
            if not first.isdecimal() or len(first) > MAX_DIGITS:
                raise GatewiseError(
                    f"{self.path}, line {line}: expected a number after {tag}, got {first[:20]!r}"
                )
            name = "steps" if tag == "@serieslength" else "channels"
            setattr(self, name, int(first))
        elif tag == "@univariate" and first == "true":
            self.channels = 1
        elif tag == "@equallength":
            self.equal = first == "true"


def _ts(path: Path, lines: Iterator[str], wanted: Labels | None) -> Iterator[Case]:
    classes: list[str] | None = None
    begun, has_target, header = False, False, _Header(path)
    for line, text in enumerate(lines, 1):
        text = text.strip()
        if not text or text.startswith("#"):
            continue
        if begun:
            channels = text.split(":")
            label = None if classes is None and not has_target else channels.pop().strip()
            if not channels:
                raise GatewiseError(
                    f"{path}, line {line}: expected channels and a label, separated by colons"
                )
            _check_label(path, line, label, classes)
            case = Case(line, channels, label)
            yield case
            header.check(case)
            continue
        tag, *words = _header_line(path, line, text, "a .ts")
        first = words[0].lower() if words else ""
        if tag == "@timestamps" and first == "true":
            raise GatewiseError(f"{path}, line {line}: sequences with timestamps are not supported")
        if tag == "@targetlabel" and first == "true":
            if wanted == "classes":
                raise GatewiseError(
                    f"{path}, line {line}: expected classes with @classLabel, got numeric targets, which are "
                    "for the task regress"
                )
            has_target = True
        if tag == "@classlabel" and first == "true":
            if wanted == "numbers":
                raise GatewiseError(
                    f"{path}, line {line}: expected numeric targets with @targetLabel, got classes, which "
                    "are for the task classify"
                )
            classes = words[1:]
        header.read(line, tag, words)
        begun = tag == "@data"
    if not begun:
        raise GatewiseError(f"{path} {NO_DATA.format('a .ts')}")


def _arff(path: Path, lines: Iterator[str], wanted: Labels | None) -> Iterator[Case]:
    if wanted == "numbers":
        raise GatewiseError(
            f"{path}: an .arff file does not mark its numeric target; save it as .ts with @targetLabel "
            "true, or as CSV"
        )
    classes: list[str] | None = None
    begun, header = False, _Header(path)
    for line, text in enumerate(lines, 1):
        text = text.strip()
        if not text or text.startswith("%"):
            continue
        if begun:
            values, label = text, None
            if classes is not None:
                values, label = _split_label(text)
            _check_label(path, line, label, classes)
            relation = re.fullmatch(r"""(['"])(.*)\1""", values)
            case = Case(line, relation[2].split("\\n") if relation else [values], label)
            yield case
            header.check(case)
            continue
        tag, *_ = _header_line(path, line, text, "an .arff")
        nominal = re.fullmatch(r"@attribute\s.*\{(.*)\}", text, re.IGNORECASE)
        if nominal:
            classes = [_unquoted(name) for name in re.findall(r"""\s*('[^']*'|"[^"]*"|[^,]+)""", nominal[1])]
        elif tag == "@attribute" and text.lower().split()[-1] in NUMERIC:
            header.steps = (header.steps or 0) + 1
        begun = tag == "@data"
    if not begun:
        raise GatewiseError(f"{path} {NO_DATA.format('an .arff')}")


def _header_line(path: Path, line: int, text: str, kind: str) -> list[str]:
    """The words of a line of the header, the first in lower case."""
    if not text.startswith("@"):
        raise GatewiseError(f"{path} {NO_DATA.format(kind)}, above line {line}, which does not begin with @")
    tag, *words = text.split()
    return [tag.lower(), *words]


def _split_label(text: str) -> tuple[str, str]:
    """The text before the last comma outside quotation marks, and the label after it."""
    found = re.fullmatch(r"""(.*),\s*('[^']*'|"[^"]*"|[^,'"]*)""", text)
    return (found[1].strip(), _unquoted(found[2])) if found else (text, "")


def _unquoted(name: str) -> str:
    return name.strip().strip("'\"")


def _check_label(path: Path, line: int, label: str | None, classes: list[str] | None) -> None:
    if classes and label not in (None, "", "?", *classes):
        raise GatewiseError(
            f"{path}, line {line}: expected one of the labels {', '.join(classes)}, got {str(label)[:30]!r}"
        )


def _target(place: str, text: str | None) -> float:
    """The number to predict from a sequence. Raises: `GatewiseError` if there is none."""
    try:
        target = float(text or "nan")
    except ValueError:
        target = float("inf")
    if not np.isfinite(target) or abs(target) > LARGEST:
        got = "nothing" if text in (None, "") else repr(str(text)[:30])
        raise GatewiseError(f"{place}: expected a number as the target of the sequence, got {got}")
    return target


_FORMS: dict[str, Callable[[Path, Iterator[str], Labels | None], Iterator[Case]]] = {
    ".ts": _ts,
    ".arff": _arff,
}
ARCHIVES = tuple(_FORMS)


def _rows(path: Path, case: Case) -> np.ndarray:
    """[T, C]; missing values are NaN, and the sequence ends at its last value."""
    place = f"{path}, line {case.line}"
    invalid = next((one for one in case.channels if "_" in one or not one.isascii()), None)
    if invalid is not None or "\0" in (case.label or ""):
        text = case.label if invalid is None else invalid.strip()
        raise GatewiseError(f"{place}: expected numbers separated by commas, got {str(text)[:30]!r}")
    try:
        columns = [[_number(cell.strip()) for cell in one.split(",")] for one in case.channels]
    except ValueError as error:
        raise GatewiseError(f"{place}: {error}; expected numbers separated by commas") from error
    sizes = {len(one) for one in columns}
    if len(sizes) > 1:
        raise GatewiseError(f"{place}: the channels have {sorted(sizes)} steps; expected the same number")
    rows = np.array(columns).T
    known = np.flatnonzero(~np.isnan(rows).all(1))
    if not len(known):
        raise GatewiseError(f"{place}: the sequence has no values")
    rows = rows[: known[-1] + 1]
    if (np.abs(rows) > LARGEST).any():
        raise GatewiseError(f"{place}: a value is too large, {rows[np.abs(rows) > LARGEST][0]}")
    return rows


def _not_utf8(path: Path) -> str:
    """The place where a file is not in UTF-8."""
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

"""Labelled sequences from archives: `.ts` (sktime, aeon) and `.arff` (Weka)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from gatewise.data.sequences.archive_header import Case, Labels
from gatewise.data.sequences.arff import arff_cases
from gatewise.data.sequences.missing import MaskedFill, with_filled
from gatewise.data.sequences.sequences import SequenceTable, sort_names
from gatewise.data.sequences.spool import Spool, row_blocks
from gatewise.data.sequences.ts import timed_values, ts_cases
from gatewise.data.tables.table import LARGEST
from gatewise.errors import GatewiseError

MISSING = ("?", "nan", "")
FORMS: dict[str, Callable[[Path, Iterator[str], Labels | None], Iterator[Case]]] = {
    ".ts": ts_cases,
    ".arff": arff_cases,
}
ARCHIVES = tuple(FORMS)


def read_archive(
    path: Path, labelled: bool = True, fill: MaskedFill | None = None, numeric: bool = False
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
            for case in FORMS[path.suffix.lower()](path, lines, labels):
                rows = _rows(path, case, fill)
                cases = cases or _Cases(path, rows.shape[1], labels, fill)
                cases.add(case, rows)
    except UnicodeDecodeError as error:
        raise GatewiseError(f"{path} is not in UTF-8, {_not_utf8(path)}; save it as UTF-8") from error
    if cases is None:
        raise GatewiseError(f"{path} has no sequences after its @data line")
    return cases.table()


class _Cases:
    """The sequences read so far, their values on disk."""

    def __init__(self, path: Path, channels: int, wanted: Labels | None, fill: MaskedFill | None) -> None:
        self.path, self.wanted, self.fill = path, wanted, fill
        self.values, self.labels = Spool(channels), Spool(1, np.int32)
        self.targets: list[float] = []
        self.sizes: list[int] = []
        self.seen: dict[str, int] = {}
        self.filled = self.implied = 0
        self.timed = False

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
                raise GatewiseError(f"{place}: the sequence has no label; give one, or remove it")
            number = self.seen.setdefault(str(case.label), len(self.seen))
            self.labels.add(np.full((len(rows), 1), number))
        self.values.add(rows)
        self.sizes.append(len(rows))
        self.filled += int(empty.sum())
        self.implied += case.implied
        self.timed = case.timed

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
            notes=self._notes(),
        )
        return with_filled(table, self.fill, self.filled)

    def _notes(self) -> tuple[str, ...]:
        notes = []
        if self.timed:
            notes.append("times give the order of the steps; how far apart they are is not used")
        if self.implied and self.wanted == "classes":
            notes.append(f"sparse rows without a class are of the first one of the header: {self.implied:,}")
        return tuple(notes)


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


def _rows(path: Path, case: Case, fill: MaskedFill | None) -> np.ndarray:
    """[T, C]; missing values are NaN, and the sequence ends at its last value."""
    place = f"{path}, line {case.line}"
    invalid = next((one for one in case.channels if "_" in one or not one.isascii()), None)
    if invalid is not None or "\0" in (case.label or ""):
        text = case.label if invalid is None else invalid.strip()
        raise GatewiseError(f"{place}: expected numbers separated by commas, got {str(text)[:30]!r}")
    try:
        texts = timed_values(case.channels) if case.timed else [one.split(",") for one in case.channels]
        columns = [[_number(cell.strip()) for cell in one] for one in texts]
    except ValueError as error:
        expected = "" if case.timed else "; expected numbers separated by commas"
        raise GatewiseError(f"{place}: {error}{expected}") from error
    sizes = {len(one) for one in columns}
    if len(sizes) > 1 and fill is None:
        raise GatewiseError(
            f"{place}: the channels have {sorted(sizes)} steps; expected the same number, or --fill forward, "
            "which repeats the last values of the shorter ones"
        )
    rows = np.array([one + [float("nan")] * (max(sizes) - len(one)) for one in columns]).T
    known = np.flatnonzero(~np.isnan(rows).all(1))
    if not len(known):
        raise GatewiseError(f"{place}: the sequence has no values; remove it")
    rows = rows[: known[-1] + 1]
    if (np.abs(rows) > LARGEST).any():
        raise GatewiseError(
            f"{place}: expected values up to {LARGEST:g}, got {rows[np.abs(rows) > LARGEST][0]}"
        )
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

"""Labelled sequences from the archives' own forms: `.ts` (sktime, aeon) and `.arff` (Weka)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from gatewise.data.sequences import SequenceTable, in_order
from gatewise.data.spool import Spool
from gatewise.errors import GatewiseError

Case = tuple[list[str], str]  # a text of numbers for each channel, and the label


def read_archive(path: Path) -> SequenceTable:
    """The sequences of a `.ts` or `.arff` file, a channel each dimension.

    Errors: `GatewiseError` with the line where something is not as the form has it.
    """
    if not path.is_file():
        raise GatewiseError(f"there is no file {str(path)!r}")
    cases = _FORMS[path.suffix.lower()]
    spool: Spool | None = None
    sizes: list[int] = []
    labels: list[str] = []
    try:
        with path.open(encoding="utf-8") as lines:
            for line, (channels, label) in cases(path, lines):
                rows = _rows(path, line, channels)
                spool = spool or Spool(rows.shape[1])
                if rows.shape[1] != spool.width:
                    raise GatewiseError(
                        f"{path}, line {line}: expected {spool.width} channels as before, got {rows.shape[1]}"
                    )
                spool.add(rows)
                sizes.append(len(rows))
                labels.append(label)
    except UnicodeDecodeError as error:
        raise GatewiseError(f"{path} is not in UTF-8, at byte {error.start}") from error
    if spool is None:
        raise GatewiseError(f"{path} has no sequences after its @data line")
    seen = list(dict.fromkeys(labels))
    classes, numbers = in_order(tuple(seen))
    return SequenceTable(
        str(path),
        spool.values(),
        np.cumsum([0, *sizes]),
        tuple(str(place + 1) for place in range(len(sizes))),
        tuple(f"channel{place + 1}" for place in range(spool.width)),
        np.repeat(numbers[[seen.index(one) for one in labels]], sizes),
        classes,
    )


def _ts(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, Case]]:
    begun = labelled = False
    for line, text in enumerate(lines, 1):
        text = text.strip()
        if not text or text.startswith("#"):
            continue
        if not begun:
            tag, _, value = text.lower().partition(" ")
            if tag == "@timestamps" and value.startswith("true"):
                raise GatewiseError(f"{path}, line {line}: sequences with times of their own are not read")
            labelled |= tag == "@classlabel" and value.startswith("true")
            begun = tag == "@data"
            continue
        parts = text.split(":")
        if not labelled or len(parts) < 2:
            raise GatewiseError(f"{path}, line {line}: expected channels and a label, with colons between")
        yield line, (parts[:-1], parts[-1].strip())
    if not begun:
        raise GatewiseError(f"{path} has no @data line, as a .ts file must")


def _arff(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, Case]]:
    begun = False
    for line, text in enumerate(lines, 1):
        text = text.strip()
        if not text or text.startswith("%"):
            continue
        if not begun:
            begun = text.lower() == "@data"
            continue
        relation = re.fullmatch(r"""(['"])(.*)\1\s*,\s*(.+)""", text)
        if relation:
            yield line, (relation[2].split("\\n"), relation[3].strip("'\" "))
        else:
            values, _, label = text.rpartition(",")
            yield line, ([values], label.strip("'\" "))
    if not begun:
        raise GatewiseError(f"{path} has no @data line, as an .arff file must")


_FORMS: dict[str, Callable[[Path, Iterator[str]], Iterator[tuple[int, Case]]]] = {".ts": _ts, ".arff": _arff}
ARCHIVES = tuple(_FORMS)


def _rows(path: Path, line: int, channels: list[str]) -> np.ndarray:
    """[T, C]; a channel that ends in `?`s is over there."""
    try:
        columns = [_channel(one) for one in channels]
    except ValueError as error:
        raise GatewiseError(f"{path}, line {line}: {error}; numbers with commas between are read") from error
    sizes = {len(one) for one in columns}
    if len(sizes) > 1:
        raise GatewiseError(
            f"{path}, line {line}: its channels have {sorted(sizes)} steps; all must have as many"
        )
    rows = np.stack(columns, axis=1)
    if np.isnan(rows).any() or not len(rows):
        raise GatewiseError(f"{path}, line {line}: a value is missing inside the sequence")
    return rows


def _channel(text: str) -> np.ndarray:
    cells = [one.strip() for one in text.split(",")]
    while cells and cells[-1] in ("?", "NaN", ""):
        cells.pop()
    return np.array([float("nan" if cell == "?" else cell) for cell in cells])

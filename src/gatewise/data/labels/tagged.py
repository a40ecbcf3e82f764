"""Text with a token and its label in each line: the CoNLL format and its kin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gatewise.data.text.lines import Lines
from gatewise.errors import GatewiseError

BLANKS = re.compile("[ \t]+")
NO_TOKEN = re.compile(r"\d+[-.]\d+")  # CoNLL-U's number of a range, or of a word that is not in the text
DOCUMENT = "-DOCSTART-"


@dataclass(frozen=True)
class TaggedText:
    """The tokens of all sentences, one after another.

    labels: of each token; None where they were not asked for
    offsets: [S + 1], where each sentence begins, and the end; lines: [N], the line of each token, from 1
    token, label: the columns they are from, from 1; tabs: whether tabs are between the columns
    """

    path: str
    tokens: list[str]
    labels: list[str] | None
    offsets: np.ndarray
    lines: np.ndarray
    token: int
    label: int | None
    tabs: bool

    def place(self, number: int) -> str:
        """Where a token is, for messages."""
        return f"line {self.lines[number]}"


@dataclass(frozen=True)
class _Form:
    """What the first token's line says about all others."""

    line: int
    columns: int
    tabs: bool

    def split(self, text: str) -> list[str]:
        return [cell.strip() for cell in text.split("\t")] if self.tabs else BLANKS.split(text)

    def is_left_out(self, text: str, cells: list[str]) -> bool:
        """Whether it is a comment; a token may begin with # too, and has all its columns."""
        return text.startswith("#") and len(cells) != self.columns


def read_tagged(path: str | Path, token: int = 1, label: int | None = 0) -> TaggedText:
    """Reads lines of columns, with an empty line between sentences; comments and -DOCSTART- are left out.

    The file may be packed by gzip.

    token, label: the columns they are in, from 1; 0 is the last one, None reads no labels

    Errors: `GatewiseError` with the line where the number of columns changes, a cell is empty or a byte is
    not UTF-8; and where there is no such file, no such column, or no token at all.
    """
    lines = list(Lines(path))
    form = _form(path, lines)
    label = form.columns if label == 0 else label
    _check_columns(path, form, token, label)
    tokens: list[str] = []
    labels: list[str] = []
    places: list[int] = []
    offsets = [0]
    for number, text in enumerate(lines, 1):
        cells = form.split(text.strip(" ")) if text.strip() else []
        if not cells or cells[0] == DOCUMENT:
            if len(tokens) > offsets[-1]:
                offsets.append(len(tokens))
            continue
        if form.is_left_out(text, cells) or (token > 1 and NO_TOKEN.fullmatch(cells[0])):
            continue
        _check_line(path, number, cells, form, token, label)
        tokens.append(cells[token - 1])
        places.append(number)
        if label is not None:
            labels.append(cells[label - 1])
    if len(tokens) > offsets[-1]:
        offsets.append(len(tokens))
    return TaggedText(
        str(path), tokens, None if label is None else labels, np.array(offsets), np.array(places),
        token, label, form.tabs,
    )  # fmt: skip


def _form(path: str | Path, lines: list[str]) -> _Form:
    told = [(number, text) for number, text in enumerate(lines, 1) if text.strip()]
    told = [(number, text) for number, text in told if not text.lstrip().startswith(DOCUMENT)]
    first = next((one for one in told if not one[1].startswith("#")), told[0] if told else None)
    if first is None:
        raise GatewiseError(f"{path} has no tokens; expected a token and its label in each line")
    tabs = "\t" in first[1].strip()
    return _Form(first[0], len(_Form(0, 0, tabs).split(first[1].strip(" "))), tabs)


def _check_columns(path: str | Path, form: _Form, token: int, label: int | None) -> None:
    for role, column in (("token", token), ("label", label)):
        if column is not None and column > form.columns:
            raise GatewiseError(
                f"{path}, line {form.line}: expected a {role} in column {column}, "
                f"got a line of {_count(form.columns)}"
            )
    if token == label:
        raise GatewiseError(
            f"{path}, line {form.line}: column {token} can't hold both token and label; "
            f"the line has {_count(form.columns)}"
        )


def _check_line(
    path: str | Path, number: int, cells: list[str], form: _Form, token: int, label: int | None
) -> None:
    if len(cells) != form.columns:
        between = "tabs" if form.tabs else "blanks"
        raise GatewiseError(
            f"{path}, line {number}: expected {_count(form.columns)} with {between} between them, "
            f"as in line {form.line}, got {len(cells)}"
        )
    for role, column in (("token", token), ("label", label)):
        if column is not None and not cells[column - 1]:
            raise GatewiseError(f"{path}, line {number}: the {role} in column {column} is empty")


def _count(columns: int) -> str:
    return f"{columns} column{'s' if columns > 1 else ''}"

"""Text with a token and its label in each line: the CoNLL format and its kin."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gatewise.data.text.lines import Lines
from gatewise.errors import GatewiseError

BLANKS = re.compile("[ \t]+")
NO_TOKEN = re.compile(r"\d+[-.]\d+")  # CoNLL-U's number of a range, or of a word that is not in the text
WORD_NUMBER = re.compile(r"\d+([-.]\d+)?")
DOCUMENT = "-DOCSTART-"
OFTEN = 2  # lines within sentences that begin with # and share a label: tokens


@dataclass(frozen=True)
class TaggedText:
    """The tokens of all sentences, one after another.

    labels: of each token; None where they were not asked for
    offsets: [S + 1], where each sentence begins, and the end; lines: [N], the line of each token, from 1
    token, label: the columns they are from, from 1; tabs: whether tabs are between the columns
    notes: what was left out, a sentence each
    """

    path: str
    tokens: list[str]
    labels: list[str] | None
    offsets: np.ndarray
    lines: np.ndarray
    token: int
    label: int | None
    tabs: bool
    notes: tuple[str, ...] = ()

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


def read_tagged(path: str | Path, token: int = 1, label: int | None = 0) -> TaggedText:
    """Reads lines of columns, with an empty line between sentences; comments and -DOCSTART- are left out.

    The file may be packed by gzip.

    token, label: the columns they are in, from 1; 0 is the last one, None reads no labels

    Raises: `GatewiseError` with the line if the number of columns changes, a cell is empty or a byte is
    not UTF-8; and if there is no such file, no such column, or no token at all.
    """
    lines = list(Lines(path))
    form = _form(path, lines)
    label = form.columns if label == 0 else label
    _check_columns(path, form, token, label)
    rows = [form.split(text.strip(" ")) if text.strip() else [] for text in lines]
    comments = _comments(rows, lines, form, label)
    tokens: list[str] = []
    labels: list[str] = []
    places: list[int] = []
    offsets = [0]
    for number, cells in enumerate(rows, 1):
        if not cells or cells[0] == DOCUMENT:
            if len(tokens) > offsets[-1]:
                offsets.append(len(tokens))
            continue
        if number in comments or (token > 1 and NO_TOKEN.fullmatch(cells[0])):
            continue
        _check_line(path, number, cells, form, token, label)
        tokens.append(cells[token - 1])
        places.append(number)
        if label is not None:
            labels.append(cells[label - 1])
    if len(tokens) > offsets[-1]:
        offsets.append(len(tokens))
    if not tokens:
        raise GatewiseError(
            f"{path} has no tokens; expected a token and its label in each line, got comments only"
        )
    _check_tokens(path, rows[form.line - 1], tokens, token)
    return TaggedText(
        str(path), tokens, None if label is None else labels, np.array(offsets), np.array(places),
        token, label, form.tabs, _told_comments(comments),
    )  # fmt: skip


def _comments(
    rows: Sequence[list[str]], lines: Sequence[str], form: _Form, label: int | None
) -> tuple[int, ...]:
    """The lines of comments, in order.

    A line that begins with # and has other columns than a token is one. `# 7` among lines of two columns may
    be either: it is a token where its label is that of other lines, or of two such lines within sentences.
    """
    begun, inside, certain = [], set(), False
    usual: Counter[str] = Counter()
    column = (label or form.columns) - 1
    for number, (cells, text) in enumerate(zip(rows, lines, strict=True), 1):
        if not cells or cells[0] == DOCUMENT:
            certain = False
            continue
        if text.startswith("#"):
            begun.append(number)
            inside.update([number] if certain else [])
        either = _could_be_either(cells, form)
        certain = certain or not text.startswith("#")
        if len(cells) == form.columns and (not either or number in inside):
            usual[cells[column]] += 1 if either else OFTEN

    def is_token(number: int) -> bool:
        cells = rows[number - 1]
        if len(cells) != form.columns or not _could_be_either(cells, form):
            return len(cells) == form.columns
        return usual[cells[column]] >= OFTEN

    return tuple(number for number in begun if not is_token(number))


def _could_be_either(cells: list[str], form: _Form) -> bool:
    return not form.tabs and len(cells) == form.columns > 1 and not cells[0].strip("#")


def _told_comments(comments: Sequence[int]) -> tuple[str, ...]:
    if not comments:
        return ()
    count = f"{len(comments):,} lines" if len(comments) > 1 else "1 line"
    return (f"left out as comments: {count} beginning with #, the first is line {comments[0]}",)


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


def _check_tokens(path: str | Path, first: list[str], tokens: Sequence[str], token: int) -> None:
    """Raises: `GatewiseError` if the tokens are the numbers of words, as in CoNLL-U's first column."""
    others = [column for column, cell in enumerate(first, 1) if any(map(str.isalpha, cell))]
    if len(first) > 2 and others and all(map(WORD_NUMBER.fullmatch, tokens)):
        raise GatewiseError(
            f"{path}: all tokens in column {token} are numbers, such as {tokens[0]!r}; give the column of "
            f"the words with --token, as --token {others[0]}"
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

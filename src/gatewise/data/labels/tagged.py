"""Text with a token and its label in each line, as in the CoNLL formats."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gatewise.data.tables.comments import describe_comments
from gatewise.data.text.lines import Lines
from gatewise.errors import GatewiseError

SPACES = re.compile("[ \t]+")
NO_TOKEN = re.compile(r"\d+[-.]\d+")  # CoNLL-U's number of a range, or of an omitted word
WORD_NUMBER = re.compile(r"\d+([-.]\d+)?")
DOCUMENT = "-DOCSTART-"
TOKEN_NAMES = ("token", "tokens", "word", "words", "form")
LABEL_NAMES = (
    "label",
    "labels",
    "tag",
    "tags",
    "ner",
    "ner_tag",
    "ner_tags",
    "entity",
    "pos",
    "upos",
    "chunk",
)
MIN_COUNT = 2  # lines within sentences that begin with # and share a label, to count as tokens


@dataclass(frozen=True)
class TaggedText:
    """The tokens of all sentences.

    labels: of each token; None if they were not read
    offsets: [S + 1], the first token of each sentence, and N; lines: [N], of each token, from 1
    token, label: their columns, from 1; tabs: whether columns are separated by tabs
    notes: on the lines that were left out
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
        """The place of a token, for messages."""
        return f"line {self.lines[number]}"


@dataclass(frozen=True)
class _Format:
    """The format of all lines, by the line of the first token."""

    line: int
    columns: int
    tabs: bool

    def split(self, text: str) -> list[str]:
        return [cell.strip() for cell in text.split("\t")] if self.tabs else SPACES.split(text)


def read_tagged(path: str | Path, token: int = 1, label: int | None = 0) -> TaggedText:
    """Reads lines of columns, with an empty line between sentences, without comments and -DOCSTART-.

    The file may be compressed with gzip.

    token, label: their columns, from 1; 0 for the last one, None to read no labels

    Raises: `GatewiseError` if there is no such file, no such column or no token, or with the line where the
    number of columns changes, a cell is empty or a byte is not UTF-8.
    """
    lines = list(Lines(path))
    form = _find_format(path, lines)
    label = form.columns if label == 0 else label
    _check_columns(path, form, token, label)
    rows = [form.split(text.strip(" ")) if text.strip() else [] for text in lines]
    comments = _comments(rows, lines, form, label)
    header = _find_header(rows, form, token, label)
    tokens: list[str] = []
    labels: list[str] = []
    places: list[int] = []
    offsets = [0]
    for number, cells in enumerate(rows, 1):
        if not cells or cells[0] == DOCUMENT:
            if len(tokens) > offsets[-1]:
                offsets.append(len(tokens))
            continue
        if number in comments or number == header or (token > 1 and NO_TOKEN.fullmatch(cells[0])):
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
        str(path),
        tokens,
        None if label is None else labels,
        np.array(offsets),
        np.array(places),
        token,
        label,
        form.tabs,
        (*describe_comments(comments), *_describe_header(header)),
    )


def _find_header(rows: Sequence[list[str]], form: _Format, token: int, label: int | None) -> int | None:
    """The line of the names of the columns, if the first line has them; None if it has a token.

    The label of a header occurs in no other line.
    """
    cells, column = rows[form.line - 1], (label or form.columns) - 1
    if form.columns < 2 or len(cells) != form.columns or token - 1 == column:
        return None
    if cells[token - 1].lower() not in TOKEN_NAMES or cells[column].lower() not in LABEL_NAMES:
        return None
    others = (one for number, one in enumerate(rows, 1) if number != form.line and len(one) == form.columns)
    return None if any(one[column] == cells[column] for one in others) else form.line


def _describe_header(line: int | None) -> tuple[str, ...]:
    return () if line is None else (f"line {line} has the names of the columns, and is left out",)


def _comments(
    rows: Sequence[list[str]], lines: Sequence[str], form: _Format, label: int | None
) -> tuple[int, ...]:
    """The lines of comments, in order: those that begin with # and have other columns than a token.

    `# 7` among lines of two columns may be either. It is a token if its label also occurs in other lines, or
    in two such lines within sentences.
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
            usual[cells[column]] += 1 if either else MIN_COUNT

    def is_token(number: int) -> bool:
        cells = rows[number - 1]
        if len(cells) != form.columns or not _could_be_either(cells, form):
            return len(cells) == form.columns
        return usual[cells[column]] >= MIN_COUNT

    return tuple(number for number in begun if not is_token(number))


def _could_be_either(cells: list[str], form: _Format) -> bool:
    return not form.tabs and len(cells) == form.columns > 1 and not cells[0].strip("#")


def _find_format(path: str | Path, lines: list[str]) -> _Format:
    given = [(number, text) for number, text in enumerate(lines, 1) if text.strip()]
    given = [(number, text) for number, text in given if not text.lstrip().startswith(DOCUMENT)]
    first = next((one for one in given if not one[1].startswith("#")), given[0] if given else None)
    if first is None:
        raise GatewiseError(f"{path} has no tokens; expected a token and its label in each line")
    tabs = "\t" in first[1].strip()
    return _Format(first[0], len(_Format(0, 0, tabs).split(first[1].strip(" "))), tabs)


def _check_columns(path: str | Path, form: _Format, token: int, label: int | None) -> None:
    for role, column in (("token", token), ("label", label)):
        if column is not None and column > form.columns:
            raise GatewiseError(
                f"{path}, line {form.line}: expected a {role} in column {column}, "
                f"got a line of {_count(form.columns)}"
            )
    if token == label:
        raise GatewiseError(
            f"{path}, line {form.line}: column {token} can't be both token and label; "
            f"the line has {_count(form.columns)}"
        )


def _check_tokens(path: str | Path, first: list[str], tokens: Sequence[str], token: int) -> None:
    """Raises: `GatewiseError` if all tokens are numbers of words, as in CoNLL-U's first column."""
    others = [column for column, cell in enumerate(first, 1) if any(map(str.isalpha, cell))]
    if len(first) > 2 and others and all(map(WORD_NUMBER.fullmatch, tokens)):
        raise GatewiseError(
            f"{path}: all tokens in column {token} are numbers, such as {tokens[0]!r}; give the column of "
            f"the words, for example --token {others[0]}"
        )


def _check_line(
    path: str | Path, number: int, cells: list[str], form: _Format, token: int, label: int | None
) -> None:
    if len(cells) != form.columns:
        separator = "tabs" if form.tabs else "spaces"
        raise GatewiseError(
            f"{path}, line {number}: expected {_count(form.columns)} separated by {separator}, "
            f"as in line {form.line}, got {len(cells)}"
        )
    for role, column in (("token", token), ("label", label)):
        if column is not None and not cells[column - 1]:
            raise GatewiseError(f"{path}, line {number}: the {role} in column {column} is empty; write one")


def _count(columns: int) -> str:
    return f"{columns} column{'s' if columns > 1 else ''}"

"""Whether the first row of a table of pairs has the names of its columns, or a pair."""

from __future__ import annotations

import re

import polars as pl

from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.header import describe_missing_header
from gatewise.data.tables.table import Table
from gatewise.data.text.pair_columns import IDS, NUMBER, SOURCES, TARGETS

ROWS = 1000  # that are looked at
SENTENCE_END = r"""[.!?…\u3002\uff01\uff1f][")'»”\u2019」]*\s*$"""
LANGUAGES = (
    "arabic", "chinese", "czech", "dutch", "english", "finnish", "french", "german", "greek", "hindi",
    "italian", "japanese", "korean", "polish", "portuguese", "russian", "spanish", "swedish", "turkish",
    "ukrainian",
)  # fmt: skip
NAMES = (
    *SOURCES, *TARGETS, *IDS, *LANGUAGES, "text", "texts", "sentence", "sentences", "word", "words", "phrase",
    "question", "answer", "original", "reference", "language", "lang", "split",
)  # fmt: skip
CODE = re.compile(r"([a-z]{2}|eng|fra|deu|spa|ita|por|rus|jpn|cmn|zho|ara|nld|pol|tur)([-_][a-z]{2,4})?")


def is_row_of_texts(table: Table) -> bool:
    """Whether the first row of a table, which was read as the names of its columns, is certainly a pair.

    It is if a number stands above numbers and a text beside it, if a text that ends as a sentence stands
    above others that do, or if all cells of a column are equal to its name.

    >>> frame = pl.DataFrame({"1276": ["1277", "1280"], "Go.": ["Run!", "Wait"], "Va !": ["Cours !", "Oui"]})
    >>> is_row_of_texts(Table("", frame, 2)), is_row_of_texts(Table("", pl.DataFrame({"en": ["Go."]}), 2))
    (True, False)
    """
    names = [name.strip() for name in table.columns]
    has_words = not all(re.fullmatch(NUMBER, name) for name in names if name)
    for name, cells in zip(names, table.frame.head(ROWS), strict=True):
        texts = cells.cast(pl.String).drop_nulls().str.strip_chars()
        if not name or not len(texts):
            continue
        if has_words and re.fullmatch(NUMBER, name) and texts.str.contains(NUMBER).all():
            return True
        if re.search(SENTENCE_END, name) and 2 * texts.str.contains(SENTENCE_END).sum() >= len(texts):
            return True
        if len(texts) > 1 and (texts == name).all():
            return True
    return False


def describe_header(table: Table, columns: tuple[str, str], dialect: Dialect) -> tuple[str, ...]:
    """A note on a first row that was read as a pair, or that may be one.

    columns: of sources and targets
    """
    if not table.has_header or table.first_line == 1 or dialect.header is not None:
        return describe_missing_header(table.has_header, dialect)
    if any(_is_name(name) for name in columns) or all(CODE.fullmatch(name.lower()) for name in columns):
        return ()
    first = f"{columns[0][:30]!r} and {columns[1][:30]!r}"
    return (f"the first row, {first}, is read as the names of the columns; --no-header reads it as a pair",)


def _is_name(name: str) -> bool:
    """Whether a text looks like the name of a column of texts."""
    return any(word in NAMES for word in re.findall(r"\w+", name.lower()))

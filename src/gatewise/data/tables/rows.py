"""The rows of a CSV in blocks, each checked before it is parsed.

Quotation marks are read as in RFC 4180: a cell that begins with one ends with one, and marks inside are
doubled. Other cells may contain marks in pairs. Any other mark is refused, because a parser would read the
following rows as part of the cell.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np

from gatewise.data.tables.comments import MARK, Comments, may_be_header, repeats
from gatewise.data.tables.dialect import Dialect, name_columns
from gatewise.data.tables.header import is_row_of_values
from gatewise.data.tables.numbers import GROUPED
from gatewise.errors import GatewiseError

QUOTE, BREAK, RETURN = 34, 10, 13
SEPARATORS = ",;\t|"
FLOAT = re.compile(r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?")
LINE, LONGEST_ROW = 1 << 12, 1 << 26  # bytes
MOST_COLUMNS = 100_000


@dataclass(frozen=True)
class Rows:
    """Whole rows of a CSV.

    text: the rows; lines: [rows], the line in which each begins; blank: [rows], whether each is empty
    """

    text: bytes
    lines: np.ndarray
    blank: np.ndarray

    def without(self, left_out: np.ndarray, borders: np.ndarray) -> Rows:
        """The rows that are not left out. borders: [rows + 1], where each begins, and the end"""
        if not left_out.any():
            return self
        pairs = zip(borders[:-1][~left_out].tolist(), borders[1:][~left_out].tolist(), strict=True)
        text = b"".join(self.text[first:end] for first, end in pairs)
        return Rows(text, self.lines[~left_out], self.blank[~left_out])


class RowReader:
    """Reads the header of a CSV, then its rows in blocks; every error names the line.

    names: of the columns, without surrounding spaces; 1, 2 and so on if the first row is none of names
    has_header: whether the first row has names; separator: of the cells, found in the first row
    comments: the lines left out so far: those beginning with # above the header, with other cells than it, or
        with the same names

    file: in UTF-8, without a byte order mark
    dialect: of the table; None if the user can't give one
    """

    path: Path
    file: BufferedReader
    quoted: bool
    dialect: Dialect | None
    old_breaks: bool
    rest: bytes
    line: int
    has_header: bool
    header: bytes
    comments: Comments
    names: list[str]

    def __init__(
        self, path: Path, file: BufferedReader, quoted: bool = True, dialect: Dialect | None = None
    ) -> None:
        self.path, self.file, self.quoted, self.dialect = path, file, quoted, dialect
        sample = file.peek()
        self.old_breaks = b"\r" in sample and b"\n" not in sample  # as on the first Macintosh
        self.rest, self.line, self.separator = b"", 1, "," if quoted else "\t"
        self.has_header, self.header, self.comments = True, b"", Comments()
        if sample.lstrip(b"\r\n").startswith(MARK):
            self._skip_comments()
        self.names = self._header()

    def error(self, reason: str) -> GatewiseError:
        return GatewiseError(f"{self.path} can't be read as a table: {reason}")

    def blocks(self, size: int) -> Iterator[Rows]:
        """Yields blocks of about `size` bytes in which every row is blank or has a cell for each column.

        Raises: `GatewiseError` with the line of the first row that can't be read.
        """
        while text := self._whole_rows(size):
            breaks, separators, ends = self._marks(text)
            starts = np.append(0, ends + 1)[: len(ends) + (not text.endswith(b"\n"))]
            lines = self.line + np.searchsorted(breaks, starts)
            padded = np.frombuffer(text + b"\r\n", np.uint8)
            first, second = padded[starts], padded[starts + 1]
            blank = (first == BREAK) | ((first == RETURN) & (second == BREAK))
            cells = np.diff(np.searchsorted(separators, np.append(starts, len(text)))) + 1
            if text.endswith(self.separator.encode()):  # the last line, without a line break
                cells[-1] -= cells[-1] == len(self.names) + 1
            wrong = (cells != len(self.names)) & ~blank
            if wrong.any():
                are_comments = wrong & (first == ord(MARK))
                if not (are_comments == wrong).all():
                    row = int((wrong & ~are_comments).argmax())
                    raise self._ragged(int(lines[row]), int(cells[row]))
            borders = np.append(starts, len(text))
            for marked in np.flatnonzero((first == ord(MARK)) & ~wrong) if self.header else ():
                wrong[marked] = repeats(text[borders[marked] : borders[marked + 1]], self.header)
            self.comments.add(lines[wrong].tolist())
            self._decoded(text)
            self.line += len(breaks)
            yield Rows(text, lines, blank).without(wrong, borders)

    def _ragged(self, line: int, cells: int) -> GatewiseError:
        """The error of a row that has other cells than the header."""
        expected = len(self.names)
        remedy = f"quote cells that contain {self.separator!r}, or begin lines above the header with #"
        if cells < expected:
            remedy = "write its empty cells too, or begin it with # if it is a comment"
        return self.error(
            f"found {'more' if cells > expected else 'fewer'} fields in line {line} ({cells}) than in its "
            f"header ({expected}); {remedy}"
        )

    def _skip_comments(self) -> None:
        """Leaves out the comments above the header."""
        lines: list[bytes] = []
        while (line := self._raw_line()).startswith(MARK) or line in (b"\n", b"\r\n"):
            lines.append(line)
        marked = [place for place, one in enumerate(lines) if one.startswith(MARK)]
        second, third = line, self._raw_line()
        texts = [one.decode(errors="replace").strip("\r\n") for one in (lines[marked[-1]], second, third)]
        separator = max(SEPARATORS.encode(), key=second.count) if self.quoted else ord("\t")
        end = len(lines)
        if not second.strip() or may_be_header(texts[0], texts[1], texts[2], chr(separator)):
            end = marked.pop()
        self.comments.add([place + self.line for place in marked])
        self.line += end
        self.rest = b"".join(lines[end:]) + second + third + self.rest

    def _raw_line(self) -> bytes:
        """The next line, whatever its quotation marks; empty at the end of the file."""
        while b"\n" not in self.rest and len(self.rest) < LONGEST_ROW and (more := self._read(LINE)):
            self.rest += more
        line, end, self.rest = self.rest.partition(b"\n")
        return line + end

    def _header(self) -> list[str]:
        """Reads the names in the first row that is not blank."""
        text = b""
        while not text.strip():
            if not (text := self._whole_rows(1, only_one=True)):
                raise self.error(
                    f"{self.path.name} is empty; give a table with column names in its first line"
                )
            self.line += text.count(b"\n")
        self.line -= text.count(b"\n")
        outside = b"".join(text.split(b'"')[::2]) if self.quoted else text
        if self.quoted:
            self.separator = max(SEPARATORS, key=lambda one: outside.count(one.encode()))
        self._marks(text)
        if outside.count(self.separator.encode()) >= MOST_COLUMNS:
            raise self.error(f"its header has more than {MOST_COLUMNS:,} columns")
        names = self._cells(text)
        self.line += text.count(b"\n")
        following = self._whole_rows(1, only_one=True)
        self.rest = following + self.rest
        if b"\n" in following[:-1]:  # within quotation marks, or between stray ones
            self._marks(following)
        second = self._cells(following) if following.strip() else []
        if len(names) == 1 and _are_numbers_between_spaces((second or names)[0]):
            raise self.error("its cells are separated by spaces; separate them by commas or tabs")
        self.has_header = self._finds_header(names, second)
        if self.has_header:
            self.header = text
            if self.quoted and names[0].startswith("# "):  # as of numpy.savetxt
                names[0] = names[0][2:].strip()
            return names
        self.line -= text.count(b"\n")
        self.rest = text + self.rest
        return name_columns(len(names))

    def _finds_header(self, first: list[str], second: list[str]) -> bool:
        """Whether the first row has the names of the columns."""
        if self.dialect is None or self.dialect.header is not None:
            return self.dialect is None or self.dialect.header is True
        return not is_row_of_values(first, second)

    def _cells(self, text: bytes) -> list[str]:
        """The cells of a row, without surrounding spaces."""
        row = self._decoded(text).strip("\r\n")
        try:
            cells = next(csv.reader([row], delimiter=self.separator)) if self.quoted else row.split("\t")
        except csv.Error as error:
            raise self.error(f"line {self.line} can't be read ({error})") from error
        return [cell.strip() for cell in cells]

    def _whole_rows(self, size: int, only_one: bool = False) -> bytes:
        """Reads the rows in about the next `size` bytes, at least one; empty at the end of the file."""
        text = self.rest + self._read(size)
        while True:
            data = np.frombuffer(text, np.uint8)
            ends = _outside(np.flatnonzero(data == BREAK), self._quotes(data))
            if len(ends):
                cut = int(ends[0 if only_one else -1]) + 1
                self.rest = text[cut:]
                return text[:cut]
            if len(text) > LONGEST_ROW:
                self._marks(text)
                raise self.error(f"line {self.line} is longer than {LONGEST_ROW >> 20} MB")
            more = self._read(max(size, len(text)))  # doubling keeps the total time linear
            if not more:
                self.rest = b""
                return text
            text += more

    def _read(self, size: int) -> bytes:
        text = self.file.read(size)
        if b"\0" in text:
            line = self.line + self.rest.count(b"\n") + text.count(b"\n", 0, text.index(b"\0"))
            remedy = "" if self.dialect is None else "; if it is UTF-16, give --encoding utf-16"
            raise self.error(f"line {line} contains a zero byte; it is not text in UTF-8{remedy}")
        return text.replace(b"\r", b"\n") if self.old_breaks else text

    def _decoded(self, text: bytes) -> str:
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            line = self.line + text.count(b"\n", 0, error.start)
            remedy = "save it as UTF-8, for example by iconv -f WINDOWS-1252 -t UTF-8"
            if self.dialect is not None:
                remedy = (
                    "give its encoding, such as --encoding latin-1, in which the line contains "
                    f"{_word_around(text, error.start)!r}, or save it as UTF-8"
                )
            raise self.error(
                f"it is not in UTF-8, line {line} (byte {text[error.start]:#04x}); {remedy}"
            ) from error

    def _marks(self, text: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Finds where lines end, and where cells and rows end; checks the quotation marks."""
        data = np.frombuffer(text, np.uint8)
        is_break, is_separator = data == BREAK, data == ord(self.separator)
        breaks, separators = np.flatnonzero(is_break), np.flatnonzero(is_separator)
        quotes = self._quotes(data)
        if len(quotes):
            self._check_quotes(text, quotes, np.flatnonzero(is_break | is_separator))
        return breaks, _outside(separators, quotes), _outside(breaks, quotes)

    def _quotes(self, data: np.ndarray) -> np.ndarray:
        return np.flatnonzero(data == QUOTE) if self.quoted else np.zeros(0, np.int64)

    def _check_quotes(self, text: bytes, quotes: np.ndarray, cuts: np.ndarray) -> None:
        """Raises: `GatewiseError` if quotation marks do not open and close cells in turn.

        cuts: the places where cells may end, those between quotation marks included
        """
        data = np.frombuffer(b"\n" + text + b"\n", np.uint8)
        opening, closing = quotes[::2], quotes[1::2]
        edges = [ord(self.separator), BREAK, QUOTE]  # two adjacent marks are a doubled one
        stray = ~np.isin(data[opening], edges)
        pairs = slice(len(closing))
        plain = stray[pairs] & (np.searchsorted(cuts, opening[pairs]) == np.searchsorted(cuts, closing))
        stray[pairs] &= ~plain
        unclosed = np.ones(len(opening), bool)
        unclosed[pairs] = ~(np.isin(data[closing + 2], [*edges, RETURN]) | plain)
        wrong = stray | unclosed
        if not wrong.any():
            return
        place = int(wrong.argmax())
        quote = int(opening[place])
        line = self.line + text.count(b"\n", 0, quote)
        cut = int(np.searchsorted(cuts, quote))
        cell = text[cuts[cut - 1] + 1 if cut else 0 : cuts[cut] if cut < len(cuts) else len(text)]
        excerpt = cell.decode(errors="replace").strip()[:30]
        if stray[place]:
            doubled = '"' + excerpt.replace('"', '""') + '"'
            raise self.error(
                f"line {line} has a single quotation mark inside the cell {excerpt!r}; write {doubled}"
            )
        raise self.error(
            f"line {line}: the cell {excerpt!r} opens a quotation mark that does not close at its end"
        )


def _word_around(text: bytes, place: int) -> str:
    """The word in a text in Latin-1 that has the character at a place, shortened."""
    before = re.search(rb"[A-Za-z\x80-\xff]{0,15}$", text[:place])
    after = re.match(rb"[A-Za-z\x80-\xff]{1,15}", text[place:])
    return b"".join(found[0] for found in (before, after) if found).decode("latin-1")


def _are_numbers_between_spaces(cell: str) -> bool:
    """Whether a cell is several numbers, not one with a space after its thousands."""
    numbers = re.split("[ \t]+", cell)
    return len(numbers) > 1 and not GROUPED.fullmatch(cell) and all(map(FLOAT.fullmatch, numbers))


def _outside(places: np.ndarray, quotes: np.ndarray) -> np.ndarray:
    """The places outside quotation marks, which follow an even number of them."""
    return places[np.searchsorted(quotes, places) % 2 == 0] if len(quotes) else places

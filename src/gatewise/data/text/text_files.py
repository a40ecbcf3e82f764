"""Text files of any size as one row of bytes: only what is asked for is ever in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from gatewise.data.text.alphabet import CODE_POINTS, code_points
from gatewise.errors import GatewiseError

BLOCK = 2**14  # bytes of a text that are read and decoded together
PIECE = 16 * BLOCK  # bytes of a text that are surveyed together
MARK = "\ufeff".encode()  # of UTF-8, at the beginning of some files
LONGEST = 4  # bytes of a character


class TextFiles:
    """Files one after another; a line break joins those that end without one.

    others: how many files of their folder were left out

    Raises: `GatewiseError` if there is no file, or nothing in them.
    """

    def __init__(self, paths: Sequence[Path], others: int = 0) -> None:
        self.paths, self.others = tuple(paths), others
        self._skipped: list[int] = []
        sizes = []
        for number, path in enumerate(self.paths, 1):
            size = path.stat().st_size
            with path.open("rb") as file:
                self._skipped.append(len(MARK) * (file.read(len(MARK)) == MARK))
                file.seek(max(size - 1, 0))
                open_end = size > 0 and number < len(self.paths) and file.read() != b"\n"
            sizes.append(size - self._skipped[-1] + open_end)
        self._starts = [0, *accumulate(sizes)]

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._starts[-1]

    def read(self, first: int, last: int) -> bytes:
        """The bytes from place `first` to `last` (excluded)."""
        parts = []
        while first < last:
            number = bisect_right(self._starts, first) - 1
            start, end = self._starts[number], min(last, self._starts[number + 1])
            with self.paths[number].open("rb", buffering=0) as file:
                file.seek(first - start + self._skipped[number])
                part = file.read(end - first) or b""
            # One byte short is the line break that joins two files.
            parts.append(part + b"\n" * (end == self._starts[number + 1] and len(part) < end - first))
            if len(parts[-1]) < end - first:
                raise GatewiseError(f"{self.paths[number]} became shorter while it was read")
            first = end
        return b"".join(parts)

    def border(self, place: int) -> int:
        """The place, or the beginning of the character that it would cut."""
        before = max(place - LONGEST, 0)
        return before + whole(self.read(before, place), place - before)

    def where(self, place: int) -> str:
        """A place as a user finds it: the file, the line, and the byte in the file."""
        number = bisect_right(self._starts, place) - 1
        offset = place - self._starts[number] + self._skipped[number]
        line, left = 1, offset
        with self.paths[number].open("rb") as file:
            while left:
                part = file.read(min(left, PIECE))
                line, left = line + part.count(b"\n"), left - len(part)
        return f"{self.paths[number]}, line {line}, byte {offset}"


@dataclass(frozen=True)
class Survey:
    """What one pass over a stretch of text found.

    starts: [N + 1], where its blocks begin, and where the last one ends; no character is cut
    lengths: [N], the characters of each block
    counts: [code point], how often each occurs, up to where the text is not in UTF-8
    wrong: the first place that is not UTF-8, if any
    """

    starts: np.ndarray
    lengths: np.ndarray
    counts: np.ndarray
    wrong: int | None

    @property
    def characters(self) -> int:
        """How many characters there are; each byte is one where the text is not in UTF-8."""
        return int(self.lengths.sum() if self.wrong is None else self.starts[-1] - self.starts[0])


def survey(
    files: TextFiles, first: int, last: int, tell: Callable[[int], None] = lambda done: None
) -> Survey:
    """Reads a stretch of text once, piece by piece; `tell` hears how many bytes are read."""
    starts, lengths, wrong = [np.array([first])], [np.zeros(0, int)], None
    counts = np.zeros(CODE_POINTS, dtype=np.int64)
    place = first
    while place < last:
        piece = files.read(place, min(place + PIECE, last))
        piece = piece if place + len(piece) == last else piece[: whole(piece, len(piece))]
        ends = np.array(block_ends(piece))
        begins_one = (np.frombuffer(piece, dtype=np.uint8) & 0xC0) != 0x80
        starts.append(place + ends)
        lengths.append(np.add.reduceat(begins_one, np.append(0, ends[:-1]), dtype=np.int64))
        if wrong is None:
            try:
                often = np.bincount(code_points(piece))
                counts[: len(often)] += often
            except UnicodeDecodeError as error:
                wrong = place + error.start
        place += len(piece)
        tell(len(piece))
    seen = np.flatnonzero(counts)[-1:].sum() + 1
    return Survey(np.concatenate(starts), np.concatenate(lengths), counts[:seen].copy(), wrong)


def block_ends(piece: bytes) -> list[int]:
    """Where the blocks of a piece end: not within a character, and before a space where one is near."""
    ends, start = [], 0
    while len(piece) - start > BLOCK:
        end = whole(piece, start + BLOCK)
        space = piece.rfind(b" ", max(end - 100, start + 1), end)
        start = end if space < 0 else space
        ends.append(start)
    return [*ends, len(piece)]


def whole(data: bytes, end: int) -> int:
    """The end, or the beginning of the character that it would cut."""
    for start in range(end - 1, max(end - LONGEST, 0) - 1, -1):
        byte = data[start]
        if byte & 0xC0 != 0x80:  # no later byte of a character
            length = 1 if byte < 0xC0 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return start if start + length > end else end
    return end

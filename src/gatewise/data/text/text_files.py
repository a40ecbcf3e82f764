"""Text files of any size as one sequence of bytes, read on request."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from weakref import finalize

import numpy as np

from gatewise.data.text.json_lines import ENDINGS, extract_texts
from gatewise.data.tokenizers.streams import CODE_POINTS, code_points
from gatewise.errors import GatewiseError

BLOCK = 2**14  # bytes of a text that are decoded together
CHUNK = 16 * BLOCK  # bytes of a text that are surveyed together
MARK = "\ufeff".encode()  # UTF-8's byte order mark
MAX_BYTES = 4  # of a character


class TextFiles:
    """Concatenated files; a line break is inserted after one that ends without it.

    Of a file of JSON lines, the texts are read.

    paths: as the user gave them; others: the number of files in their folder that were left out
    """

    paths: tuple[Path, ...]
    others: int

    def __init__(self, paths: Sequence[Path], others: int = 0) -> None:
        self.paths, self.others = tuple(paths), others
        self._files = [self._readable(one) for one in self.paths]
        self._skipped: list[int] = []
        sizes = []
        for number, path in enumerate(self._files, 1):
            size = path.stat().st_size
            with path.open("rb") as file:
                self._skipped.append(len(MARK) * (file.read(len(MARK)) == MARK))
                file.seek(max(size - 1, 0))
                open_end = size > 0 and number < len(self.paths) and file.read() != b"\n"
            sizes.append(size - self._skipped[-1] + open_end)
        self._starts = [0, *accumulate(sizes)]

    def _readable(self, path: Path) -> Path:
        """The file to read: of JSON lines a copy of the texts, which is removed with this object."""
        if path.suffix.lower() not in ENDINGS:
            return path
        extracted = extract_texts(path)
        finalize(self, extracted.unlink, missing_ok=True)
        return extracted

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self._starts[-1]

    def read(self, first: int, last: int) -> bytes:
        """The bytes `first` to `last` (excluded). Raises: `GatewiseError` if a file was truncated."""
        parts = []
        while first < last:
            number = bisect_right(self._starts, first) - 1
            start, end = self._starts[number], min(last, self._starts[number + 1])
            with self._files[number].open("rb", buffering=0) as file:
                file.seek(first - start + self._skipped[number])
                part = file.read(end - first) or b""
            # One missing byte is the line break between two files.
            parts.append(part + b"\n" * (end == self._starts[number + 1] and len(part) < end - first))
            if len(parts[-1]) < end - first:
                raise GatewiseError(f"{self.paths[number]} was truncated while it was read")
            first = end
        return b"".join(parts)

    def border(self, place: int) -> int:
        """A place, moved to the beginning of a character."""
        before = max(place - MAX_BYTES, 0)
        return before + character_border(self.read(before, place), place - before)

    def where(self, place: int) -> str:
        """A place for messages: the file, the line, and the byte in the file."""
        number = bisect_right(self._starts, place) - 1
        offset = place - self._starts[number] + self._skipped[number]
        line, left = 1, offset
        with self.paths[number].open("rb") as file:
            while left:
                part = file.read(min(left, CHUNK))
                line, left = line + part.count(b"\n"), left - len(part)
        return f"{self.paths[number]}, line {line}, byte {offset}"


@dataclass(frozen=True)
class TextSurvey:
    """The results of one pass over a range of a text.

    starts: [N + 1], of its blocks, and the end of the last one; no character is cut
    lengths: [N], the characters of each block
    counts: [code point], occurrences, up to the first byte that is not UTF-8
    invalid: the place of that byte, if there is one
    """

    starts: np.ndarray
    lengths: np.ndarray
    counts: np.ndarray
    invalid: int | None

    @property
    def characters(self) -> int:
        """The number of characters, or of bytes if the text is not in UTF-8."""
        return int(self.lengths.sum() if self.invalid is None else self.starts[-1] - self.starts[0])


def survey_text(
    files: TextFiles, first: int, last: int, progress: Callable[[int], None] = lambda done: None
) -> TextSurvey:
    """Reads a range of a text once. progress: is called with the number of bytes of each chunk"""
    starts, lengths, invalid = [np.array([first])], [np.zeros(0, int)], None
    counts = np.zeros(CODE_POINTS, dtype=np.int64)
    place = first
    while place < last:
        chunk = files.read(place, min(place + CHUNK, last))
        chunk = chunk if place + len(chunk) == last else chunk[: block_end(chunk, 0, len(chunk))]
        ends = np.array(block_ends(chunk))
        is_first_byte = (np.frombuffer(chunk, dtype=np.uint8) & 0xC0) != 0x80
        starts.append(place + ends)
        lengths.append(np.add.reduceat(is_first_byte, np.append(0, ends[:-1]), dtype=np.int64))
        if invalid is None:
            try:
                own = np.bincount(code_points(chunk))
                counts[: len(own)] += own
            except UnicodeDecodeError as error:
                invalid = place + error.start
        place += len(chunk)
        progress(len(chunk))
    highest = np.flatnonzero(counts)[-1:].sum() + 1
    return TextSurvey(np.concatenate(starts), np.concatenate(lengths), counts[:highest].copy(), invalid)


def block_ends(chunk: bytes) -> list[int]:
    """The ends of the blocks of a chunk, the last one of which is that of the chunk."""
    ends, start = [], 0
    while len(chunk) - start > BLOCK:
        start = block_end(chunk, start, start + BLOCK)
        ends.append(start)
    return [*ends, len(chunk)]


def block_end(chunk: bytes, start: int, end: int) -> int:
    """The end of a block, moved out of a character, and before a space if one is near."""
    end = character_border(chunk, end)
    space = chunk.rfind(b" ", max(end - 100, start + 1), end)
    return end if space < 0 else space


def character_border(data: bytes, end: int) -> int:
    """An end, moved to the beginning of a character that it would cut."""
    for start in range(end - 1, max(end - MAX_BYTES, 0) - 1, -1):
        byte = data[start]
        if byte & 0xC0 != 0x80:  # the first byte of a character
            length = 1 if byte < 0xC0 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return start if start + length > end else end
    return end

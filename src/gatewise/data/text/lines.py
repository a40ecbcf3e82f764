"""The lines of a text file, which may be larger than memory."""

from __future__ import annotations

import gzip
import mmap
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from gatewise.errors import GatewiseError

GZIP, MARK, CHUNK = b"\x1f\x8b", b"\xef\xbb\xbf", 1 << 24
MAX_RATIO, SMALL = 100, 1 << 26  # a text may decompress to 100 times its size, or to 64 MiB


class Lines:
    """The lines of a UTF-8 text file, decoded on request.

    The file is memory-mapped, and only the ends of its lines are kept in memory. A file compressed with gzip
    is decompressed into a temporary file.

    Raises: `GatewiseError` if there is no such file, it is empty or damaged, decompresses to far more than a
    text would, or a line is not UTF-8.
    """

    path: str

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._content = _content(Path(path))
        self._ends = _ends(self._content)
        if not len(self._ends):
            raise GatewiseError(f"{self.path} is empty; give a text file with a sentence in each line")

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self):
            raise IndexError(number)
        first = int(self._ends[number - 1]) + 1 if number else 0
        content = self._content[first : int(self._ends[number])]
        if number == 0:
            content = content.removeprefix(MARK)
        if (zero := content.find(0)) >= 0:
            raise GatewiseError(
                f"{self.path}, {self.place(number)}: byte {zero + 1} of the line is zero, so it is not text; "
                "save the file as UTF-8"
            )
        try:
            return content.decode().removesuffix("\r")
        except UnicodeDecodeError as error:
            raise GatewiseError(
                f"{self.path}, {self.place(number)}: byte {error.start + 1} of the line "
                f"({content[error.start]:#04x}) is not UTF-8; save the file as UTF-8"
            ) from error

    def __iter__(self) -> Iterator[str]:
        return (self[number] for number in range(len(self)))

    def place(self, number: int) -> str:
        """The place of a line, for messages."""
        return f"line {number + 1}"


def _content(path: Path) -> bytes | mmap.mmap:
    if not path.is_file():
        raise GatewiseError(f"there is no file {str(path)!r}; give a text file with a sentence in each line")
    with path.open("rb") as file:
        if file.read(len(GZIP)) != GZIP:
            return _mapped(file) if path.stat().st_size else b""
    with tempfile.TemporaryFile() as target:
        _decompress(path, target)
        return _mapped(target) if target.tell() else b""


def _mapped(file: IO[bytes]) -> mmap.mmap:
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _decompress(path: Path, target: IO[bytes]) -> None:
    """Raises: `GatewiseError` if the file is damaged, or decompresses to more than a text would."""
    limit = max(MAX_RATIO * path.stat().st_size, SMALL)
    try:
        with gzip.open(path) as source:
            while chunk := source.read(CHUNK):
                target.write(chunk)
                if target.tell() > limit:
                    raise GatewiseError(
                        f"{path} decompresses to more than {MAX_RATIO} times its size, unlike a text; if "
                        "that is correct, decompress it first"
                    )
        target.flush()
    except (EOFError, OSError, zlib.error) as error:
        raise GatewiseError(f"{path} can't be decompressed: {error}") from error


def _ends(content: bytes | mmap.mmap) -> np.ndarray:
    """[lines], the byte after each line: its line feed, or the end of the file."""
    found = []
    for first in range(0, len(content), CHUNK):
        chunk = np.frombuffer(content[first : first + CHUNK], np.uint8)
        found.append(np.flatnonzero(chunk == ord("\n")) + first)
    if len(content) and content[len(content) - 1] != ord("\n"):
        found.append(np.array([len(content)]))
    return np.concatenate(found) if found else np.empty(0, np.int64)

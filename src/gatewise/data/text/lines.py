"""The lines of a text file that may be larger than memory."""

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
DENSEST, SMALL = 100, 1 << 26  # a text is packed to a hundredth at most, unless it is small


class Lines:
    """The lines of a UTF-8 text file, each decoded when it is asked for.

    The file stays on disk (as a memory map) and only where its lines begin is kept; one that was packed by
    gzip is unpacked into a temporary file.

    Raises: `GatewiseError` if there is no such file, it is empty, broken, unpacks to far more than a text
    would, or a line is not UTF-8.
    """

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
                f"{self.path}, {self.place(number)}: byte {zero + 1} of the line is zero, which is in no "
                "text; save the file as UTF-8"
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
        """Where a line stands, for messages."""
        return f"line {number + 1}"


def _content(path: Path) -> bytes | mmap.mmap:
    if not path.is_file():
        raise GatewiseError(f"there is no file {str(path)!r}; give a text file with a sentence in each line")
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
        if not packed:
            return _mapped(file) if path.stat().st_size else b""
    with tempfile.TemporaryFile() as unpacked:
        _unpack(path, unpacked)
        return _mapped(unpacked) if unpacked.tell() else b""


def _mapped(file: IO[bytes]) -> mmap.mmap:
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _unpack(path: Path, target: IO[bytes]) -> None:
    """Raises: `GatewiseError` if the file is damaged, or holds more than a text of its size would."""
    most = max(DENSEST * path.stat().st_size, SMALL)
    try:
        with gzip.open(path) as packed:
            while piece := packed.read(CHUNK):
                target.write(piece)
                if target.tell() > most:
                    raise GatewiseError(
                        f"{path} unpacks to more than {DENSEST} times its size, as no text does; where it is "
                        "right, unpack it first"
                    )
        target.flush()
    except (EOFError, OSError, zlib.error) as error:
        raise GatewiseError(f"{path} can't be unpacked: {error}") from error


def _ends(content: bytes | mmap.mmap) -> np.ndarray:
    """[lines], the byte behind each line: its line feed, or the end of the file."""
    found = []
    for first in range(0, len(content), CHUNK):
        piece = np.frombuffer(content[first : first + CHUNK], np.uint8)
        found.append(np.flatnonzero(piece == ord("\n")) + first)
    if len(content) and content[len(content) - 1] != ord("\n"):
        found.append(np.array([len(content)]))
    return np.concatenate(found) if found else np.empty(0, np.int64)

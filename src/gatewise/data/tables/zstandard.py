"""Files compressed by zstd as streams, by whichever library is there."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO

MODULES = ("compression.zstd", "backports.zstd")  # the standard library's from Python 3.14 on
AT_ONCE = 1 << 20  # bytes


class ZstdStream(io.RawIOBase):
    """The content of a file compressed by zstd.

    Raises: `ModuleNotFoundError` if no library reads such files, `OSError` while reading a damaged one.
    """

    decompress: Callable[[BinaryIO], Any]
    path: str
    file: BinaryIO
    source: BinaryIO

    def __init__(self, file: BinaryIO) -> None:
        self.path, self.decompress = file.name, _find_library()
        self._begin()

    def _begin(self) -> None:
        self.file = open(self.path, "rb")  # noqa: SIM115 (`close` closes it)
        self.source = self.decompress(self.file)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            content = self.source.read(len(buffer))
        except Exception as error:  # each library has errors of its own
            raise OSError(str(error)) from error
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Continues at a number of bytes from the beginning."""
        assert whence == io.SEEK_SET
        self.file.close()
        self._begin()
        left = offset
        while left and (content := self.read(min(left, AT_ONCE))):
            left -= len(content)
        return offset - left

    def close(self) -> None:
        self.file.close()
        super().close()


def _find_library() -> Callable[[BinaryIO], Any]:
    """The function that opens a file. Raises: `ModuleNotFoundError` if no library is there."""
    for name in MODULES:
        try:
            library: Any = import_module(name)
            return library.open
        except ModuleNotFoundError:
            continue
    arrow = import_module("pyarrow")
    return lambda file: arrow.input_stream(file, compression="zstd")

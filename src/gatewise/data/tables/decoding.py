"""Tables of text as streams in UTF-8, whatever their compression and encoding."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from gatewise.data.opening import data_suffix, detect_format
from gatewise.data.tables.zstandard import ZstdStream
from gatewise.errors import GatewiseError

ZIP, LONGEST_MAGIC = (b"PK\x03\x04", b"PK\x05\x06"), 6
SAMPLE = 1 << 16  # bytes that show an encoding
STREAMS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\0": lzma.open,
    b"BZh": bz2.open,
    b"\x28\xb5\x2f\xfd": ZstdStream,
}  # by the first bytes
ENCODINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # by the byte order mark
DAMAGE = (
    OSError, EOFError, RuntimeError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, struct.error
)  # fmt: skip
MAX_LISTED = 4  # files of an archive in a message
EXCEL = "[Content_Types].xml"  # in every workbook


@contextmanager
def open_table(path: Path, encoding: str | None = None) -> Iterator[io.BufferedReader]:
    """Opens a table of text as a stream in UTF-8 without a byte order mark.

    A file compressed by gzip, xz, bzip2 or zstd, or the only one in a zip archive, is decompressed as it is
    read. UTF-16 and UTF-32 are decoded if the file begins with a byte order mark.

    encoding: of a file without a byte order mark; None for UTF-8

    Raises: `GatewiseError` if the file is damaged, neither text nor compressed text, or in another encoding.
    """
    with path.open("rb") as file, _decompressed(path, file) as content:
        yield text_stream(path, content, encoding, is_inner=content is not file)


def is_compressed(first: bytes) -> bool:
    """Whether a file with these first bytes is one that `open_table` decompresses.

    >>> is_compressed(gzip.compress(b"day,sales"))
    True
    """
    return first.startswith((*ZIP, *STREAMS))


def text_stream(
    path: Path, content: IO[bytes], encoding: str | None = None, is_inner: bool = False
) -> io.BufferedReader:
    """A table of text as a stream in UTF-8 without a byte order mark.

    path: for messages; is_inner: whether the content is that of a compressed file

    Raises: `GatewiseError` if it is damaged, no text, or in another encoding.
    """
    first = _Checked(path, content).read(SAMPLE) or b""
    content.seek(0)
    marked = next((name for mark, name in ENCODINGS.items() if first.startswith(mark)), None)
    if marked is None and (found := detect_format(first)) is not None:
        raise _error(path, f"it {'contains' if is_inner else 'is'} {found}")
    if marked == "utf-8-sig":
        content.seek(len(codecs.BOM_UTF8))
    name = _resolve_encoding(path, encoding, marked)
    stream: io.RawIOBase = _Checked(path, content)
    if name != "utf-8":
        stream = _Decoded(path, stream, name, is_marked=marked is not None)
    return io.BufferedReader(stream, SAMPLE)


def _resolve_encoding(path: Path, given: str | None, marked: str | None) -> str:
    """The encoding of a text. given: by the user; marked: by the byte order mark

    Raises: `GatewiseError` if the given one is unknown, or not that of the mark.
    """
    family = (marked or "utf-8").removesuffix("-sig")
    if given is None:
        return family
    try:
        name = codecs.lookup(given).name
        bytes(4).decode(given)  # an error if it is no encoding of texts
    except (LookupError, ValueError) as error:
        raise _error(
            path, f"there is no encoding {given!r}; give one such as latin-1, cp1252 or utf-16"
        ) from error
    if marked is None:
        return "utf-8" if name == "utf-8-sig" else name
    if not name.startswith(family):
        raise _error(
            path, f"it begins with the byte order mark of {family.upper()}; leave out --encoding {given}"
        )
    return family


def _error(path: Path, reason: str) -> GatewiseError:
    return GatewiseError(f"{path} can't be read as a table: {reason}")


@contextmanager
def _decompressed(path: Path, file: BinaryIO) -> Iterator[IO[bytes]]:
    """The content of a compressed file, or the file itself."""
    first = file.read(LONGEST_MAGIC)
    file.seek(0)
    if first.startswith(ZIP):
        with _only_member(path, file) as member:
            yield member
        return
    for magic, open_stream in STREAMS.items():
        if first.startswith(magic):
            try:
                stream = open_stream(file)
            except ModuleNotFoundError as error:
                raise _error(
                    path,
                    'it is compressed with zstd, which needs pip install "gatewise[zstd]"; or compress it '
                    "with gzip",
                ) from error
            with stream:
                yield stream
            return
    yield file


@contextmanager
def _only_member(path: Path, file: BinaryIO) -> Iterator[IO[bytes]]:
    """The only file of a zip archive. Raises: `GatewiseError` with their names if there are several."""
    with _checked(path):
        archive = zipfile.ZipFile(file)
    names = _members(archive)
    if EXCEL in names:
        raise _error(path, "it is an Excel file; give its name the ending .xlsx, or save it as CSV")
    if not names:
        raise _error(path, "it is a zip archive without a file")
    if len(names) > 1:
        listed = ", ".join(map(repr, names[:MAX_LISTED])) + ", ..." * (len(names) > MAX_LISTED)
        raise _error(
            path, f"it is a zip archive of {len(names):,} files ({listed}); unpack it and give one of them"
        )
    with _checked(path):
        member = archive.open(names[0])
    with archive, member:
        yield member


def _members(archive: zipfile.ZipFile) -> list[str]:
    """The names of the files in a zip archive."""
    return [one for one in archive.namelist() if not one.endswith("/") and "__MACOSX" not in one]


def inner_suffix(path: Path) -> str:
    """The ending of a file in lower case, without that of a compression; of the only file in a zip archive.

    >>> inner_suffix(Path("sales.CSV.gz"))
    '.csv'
    """
    if path.suffix.lower() == ".zip" and path.is_file():
        with suppress(*DAMAGE), zipfile.ZipFile(path) as archive:
            names = _members(archive)
            return Path(names[0]).suffix.lower() if len(names) == 1 else data_suffix(path)
    return data_suffix(path)


@contextmanager
def _checked(path: Path) -> Iterator[None]:
    """Raises: `GatewiseError` for a failure to read or to decompress."""
    try:
        yield
    except DAMAGE as error:
        reason = getattr(error, "strerror", None) or f"it can't be decompressed ({error})"
        raise _error(path, reason) from error


class _Checked(io.RawIOBase):
    """A stream whose every failure is a `GatewiseError`."""

    def __init__(self, path: Path, source: IO[bytes]) -> None:
        self.path, self.source = path, source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        with _checked(self.path):
            text = self.source.read(len(buffer))
        buffer[: len(text)] = text
        return len(text)


class _Decoded(io.RawIOBase):
    """A stream in UTF-8 of one in another encoding."""

    def __init__(self, path: Path, source: io.RawIOBase, encoding: str, is_marked: bool) -> None:
        self.path, self.source, self.encoding, self.is_marked = path, source, encoding, is_marked
        self.decoder = codecs.getincrementaldecoder(encoding)()
        self.rest, self.ended = b"", False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self.rest and not self.ended:
            text = self.source.read(SAMPLE) or b""
            self.ended = not text
            try:
                self.rest = self.decoder.decode(text, final=self.ended).encode()
            except UnicodeError as error:
                name = self.encoding.upper()
                begins = f"begins as {name}, but " if self.is_marked else ""
                raise _error(self.path, f"it {begins}is not in {name} throughout") from error
        size = min(len(buffer), len(self.rest))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size

"""Standard input as a file, with the ending of its format."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import BinaryIO

from gatewise.errors import GatewiseError

STANDARD_INPUT = "standard input"  # its name in messages
MAX_BYTES = 4 << 30
AT_ONCE = 1 << 20  # bytes
ENDINGS = {b"PAR1": ".parquet", b"ARROW1\0\0": ".arrow", b"\xd0\xcf\x11\xe0": ".xls", b"{": ".jsonl"}
WORKBOOK = "xl/workbook.xml"  # in an Excel file


def is_standard_input(data: object) -> bool:
    """Whether the data are the path `-`."""
    return isinstance(data, str | Path) and str(data) == "-"


def copy_standard_input(folder: Path, ending: str) -> Path:
    """Copies standard input to a file in a folder.

    ending: of the name of a file of text; ".tsv" is ".txt" if its first line has no tab

    Raises: `GatewiseError` if it is a terminal, empty, or larger than `MAX_BYTES`.
    """
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or sys.stdin.isatty():
        raise GatewiseError("- reads standard input, and nothing is piped into it; give a file")
    path = folder / f"standard-input{ending}"
    with path.open("wb") as file:
        _copy(stream, file)
    return path.rename(path.with_suffix(_ending(path, ending)))


def _copy(stream: BinaryIO, file: BinaryIO) -> None:
    size = 0
    while piece := stream.read(AT_ONCE):
        size += len(piece)
        if size > MAX_BYTES:
            raise GatewiseError(
                f"standard input is larger than {MAX_BYTES:,} bytes; save it in a file, and give that"
            )
        file.write(piece)
    if not size:
        raise GatewiseError("standard input is empty; pipe data into it, or give a file")


def _ending(path: Path, text: str) -> str:
    """The ending of a file by its content. text: the ending of text"""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return ".xlsx" if WORKBOOK in archive.namelist() else text
    with path.open("rb") as file:
        first = file.read(AT_ONCE).lstrip()
    if text == ".csv" and first[:1] in (b"#", b"@") and b"\n@frequency" in first.lower():
        return ".tsf"
    if text == ".tsv" and b"\t" not in first.partition(b"\n")[0]:
        text = ".txt"
    return next((ending for magic, ending in ENDINGS.items() if first.startswith(magic)), text)

"""Checks of data files before they are read."""

from __future__ import annotations

import stat
from pathlib import Path

from gatewise.errors import GatewiseError

FORMATS = {
    b"\x1f\x8b": "a file compressed with gzip; unpack it first",
    b"\x28\xb5\x2f\xfd": "a file compressed with zstd; unpack it with zstd -d, or compress it with gzip",
    b"BZh": "a file compressed with bzip2; unpack it first",
    b"\xfd7zXZ": "a file compressed with xz; unpack it first",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"PAR1": "a Parquet file; give its name the ending .parquet",
    b"ARROW1\0\0": "an Arrow file; give its name the ending .arrow",
    b"\xd0\xcf\x11\xe0": "an Excel file; give its name the ending .xls, or save it as CSV",
    b"SQLite format 3": "a database; export the table as CSV",
}  # by the first bytes of a file

COMPRESSED = (".gz", ".xz", ".bz2", ".zip", ".zst")


def data_suffix(path: Path) -> str:
    """The ending of a file's name in lower case, without that of a compression.

    >>> data_suffix(Path("sales.CSV.gz"))
    '.csv'
    """
    inner = Path(path.stem) if path.suffix.lower() in COMPRESSED else path
    return inner.suffix.lower()


def require_file(path: Path, expected: str) -> None:
    """Checks that a path is a readable regular file; opening a pipe or a device could block forever.

    expected: what to give instead, for example "a CSV or a Parquet file"

    Raises: `GatewiseError` if it is none.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            path.open("rb").close()
            return
    except (FileNotFoundError, NotADirectoryError) as error:
        raise GatewiseError(f"there is no file {str(path)!r}; give {expected}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GatewiseError(f"{str(path)!r} can't be opened ({reason}); give {expected}") from error
    kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
    raise GatewiseError(f"there is no file {str(path)!r}, it is {kind}; give {expected}")


def detect_format(first: bytes) -> str | None:
    """The format of a file, with advice, if its first bytes show that it is not text in UTF-8."""
    return next((name for magic, name in FORMATS.items() if first.startswith(magic)), None)

"""Tells data from other data: a file by its bytes, a folder by the names and sizes of its files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gatewise.errors import GatewiseError


def fingerprint(data: Path) -> str:
    """Tells data from others: a file by its bytes, a folder by the names and sizes of its files.

    Errors: `GatewiseError` where there is neither.
    """
    if data.is_file():
        with data.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if not data.is_dir():
        raise GatewiseError(f"there is no file {str(data)!r}")
    files = sorted(one for one in data.rglob("*") if one.is_file())
    told = "\n".join(f"{one.relative_to(data)} {one.stat().st_size}" for one in files)
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()

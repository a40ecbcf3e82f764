"""Fingerprints, by which a model recognizes the data that it was trained on."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gatewise.errors import GatewiseError


def fingerprint(data: Path) -> str:
    """The SHA-256 of a file's bytes, or of the names and sizes of a folder's files.

    Raises: `GatewiseError` if there is neither a file nor a folder.
    """
    if data.is_file():
        with data.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if not data.is_dir():
        raise GatewiseError(f"there is no file {str(data)!r}; give the path of a file or a folder")
    files = sorted(one for one in data.rglob("*") if one.is_file())
    listing = "\n".join(f"{one.relative_to(data)} {one.stat().st_size}" for one in files)
    return hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()

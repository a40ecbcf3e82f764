"""A folder of compiled files, each with the digest of its content in its name to detect damage.

A file is written under a temporary name and then renamed, so that name and content always match, even if a
process is killed or several write at the same time.

This file imports neither PyTorch nor any other library, since the installation runs it without them.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gatewise.engine.trust import file_obstacle

NAME = r"(.+)-(\w+)-([0-9a-f]{32})"  # program, compiler, digest
PARTIAL = ".partial-"
READABLE = 0o644  # only this user can write to it
LARGEST = 1 << 26  # bytes; a larger file is damaged
ABANDONED = 3600  # seconds after which a temporary file is removed


@dataclass(frozen=True)
class Found:
    """A file of the folder: its path, and the program, compiler and digest in its name."""

    path: Path
    stem: str
    compiler: str
    digest: str


@dataclass(frozen=True)
class Libraries:
    """The folder.

    checked: whether its files must belong to this user or root and be no links, as in a cache; those of an
        installation are trusted like the package
    """

    folder: Path
    checked: bool = True

    def find(self, stem: str, suffix: str, compiler: str | None = None) -> list[Found]:
        """The compiled files of a program, by any compiler or by a given one."""
        same = [one for one in self.every(suffix) if one.stem == stem]
        return [one for one in same if compiler in (None, one.compiler)]

    def every(self, suffix: str) -> list[Found]:
        """All files with a suffix; none if the folder does not exist."""
        try:
            names = sorted(os.listdir(self.folder))
        except OSError:
            return []
        matches = [re.fullmatch(NAME + re.escape(suffix), name) for name in names]
        return [Found(self.folder / one[0], one[1], one[2], one[3]) for one in matches if one]

    def read(self, found: Found) -> bytes:
        """The content of a file, verified by its digest.

        Raises: `OSError` if it can't be read, has changed, or others could have written it.
        """
        with open(found.path, "rb", opener=_open_itself if self.checked else None) as file:
            status = os.fstat(file.fileno())
            reason = file_obstacle(status) if self.checked else None
            content = b"" if reason else file.read(min(status.st_size, LARGEST))  # allocates as many bytes
        if reason or _digest(content) != found.digest:
            raise OSError(reason or "its content has changed since it was written")
        return content

    def undamaged(self, found: Found) -> bool:
        """Whether a file can be read."""
        try:
            return bool(self.read(found))
        except OSError:
            return False

    def replace(self, stem: str, suffix: str, compiler: str, content: bytes) -> None:
        """Writes a file, and removes earlier ones of the same program and compiler.

        Raises: `OSError` if it can't be written.
        """
        self._remove_abandoned()
        path = self.folder / f"{stem}-{compiler}-{_digest(content)}{suffix}"
        descriptor, partial = tempfile.mkstemp(prefix=PARTIAL, dir=self.folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.chmod(partial, READABLE)
            if path.is_dir():
                _remove(path)
            os.replace(partial, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(partial)
            raise
        for found in self.find(stem, suffix, compiler):
            if found.path != path:
                _remove(found.path)

    def _remove_abandoned(self) -> None:
        """Removes temporary files of killed processes."""
        for path in self.folder.glob(f"{PARTIAL}*"):
            with suppress(OSError):
                if time.time() - path.lstat().st_mtime > ABANDONED:
                    path.unlink()


def _open_itself(path: str, flags: int) -> int:
    """Opens a file without following a link, and without waiting for the writer of a pipe."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _remove(path: Path) -> None:
    """Removes a file, or a folder of that name."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]

"""A private folder to compile in, removed afterwards; folders of killed processes are removed too.

This file imports neither PyTorch nor any other library, since the installation runs it without them.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gatewise.engine.trust import OWNED, folder_obstacle

if sys.platform != "win32":
    import fcntl

PREFIX, UNLOCKED = "gatewise-compile-", "gatewise-new-"
ABANDONED = 24 * 3600  # seconds, if no lock shows whether a folder is in use


@contextmanager
def scratch(*parents: Path | None) -> Iterator[Path]:
    """An empty folder that no other user can write to.

    It is locked as long as its process lives; a folder without a lock belonged to a killed process.

    parents: candidates for its parent, of which the first safe and writable one is used; None: the system's
        folder for temporary files

    Raises: `OSError` if no folder can be made.
    """
    folder, lock = _first_folder(parents or (None,))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _first_folder(parents: tuple[Path | None, ...]) -> tuple[Path, int | None]:
    """A folder in the first parent in which one can be made."""
    for parent in parents[:-1]:
        with suppress(OSError):
            return _locked_folder(parent)
    return _locked_folder(parents[-1])


def _locked_folder(chosen: Path | None) -> tuple[Path, int | None]:
    """A new folder and the descriptor that locks it, if the system can."""
    parent = Path(tempfile.gettempdir() if chosen is None else chosen).resolve()
    _remove_abandoned(parent)
    new = Path(tempfile.mkdtemp(prefix=UNLOCKED, dir=parent))
    try:
        if reason := folder_obstacle(new):
            raise PermissionError(f"temporary files are not safe: {reason}; set TMPDIR to another folder")
        lock = _lock(new)
        # Only a locked folder gets the name by which others find abandoned ones.
        folder = new.rename(parent / new.name.replace(UNLOCKED, PREFIX, 1))
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return folder, lock


def _remove_abandoned(parent: Path) -> None:
    """Removes this user's folders whose processes have ended."""
    for folder in (*parent.glob(f"{PREFIX}*"), *parent.glob(f"{UNLOCKED}*")):
        with suppress(OSError):
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or (OWNED and status.st_uid != os.geteuid()):
                continue
            lock = _lock(folder) if folder.name.startswith(PREFIX) else None
            if lock is not None or time.time() - status.st_mtime > ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)
            if lock is not None:
                os.close(lock)


def _lock(folder: Path) -> int | None:
    """Locks a folder. Returns: its descriptor; None if another process has it, or locks are missing."""
    if sys.platform == "win32":
        return None
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor

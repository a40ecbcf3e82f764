"""A private folder to compile in, removed afterwards; what killed processes left behind is removed, too.

This file imports neither PyTorch nor any other library: the installation runs it where there is none.
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
ABANDONED = 24 * 3600  # seconds, where no lock shows whether a folder is in use


@contextmanager
def scratch(*parents: Path | None) -> Iterator[Path]:
    """An empty folder that nobody else can write to.

    It stays locked as long as its process lives: one without a lock was left behind by a killed process.

    parents: where to make it, the first that is safe and can be written to; none: among temporary files

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
    """A folder in the first of several places where one can be made."""
    for parent in parents[:-1]:
        with suppress(OSError):
            return _locked_folder(parent)
    return _locked_folder(parents[-1])


def _locked_folder(wanted: Path | None) -> tuple[Path, int | None]:
    """A new folder and the descriptor that locks it, if the system can."""
    parent = Path(tempfile.gettempdir() if wanted is None else wanted).resolve()
    _remove_abandoned(parent)
    new = Path(tempfile.mkdtemp(prefix=UNLOCKED, dir=parent))
    try:
        if reason := folder_obstacle(new):
            raise PermissionError(f"temporary files are not safe: {reason}; set TMPDIR to another folder")
        lock = _lock(new)
        # Once locked it gets the name by which others look for folders without a lock.
        folder = new.rename(parent / new.name.replace(UNLOCKED, PREFIX, 1))
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return folder, lock


def _remove_abandoned(parent: Path) -> None:
    """Removes this user's folders whose processes are gone."""
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
    """The descriptor of a folder that it locks; None where another has, or files can't be locked."""
    if sys.platform == "win32":
        return None
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor

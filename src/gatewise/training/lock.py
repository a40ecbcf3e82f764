"""A lock on a run's folder, so that one process at a time writes there."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from gatewise.errors import GatewiseError
from gatewise.files import remove_partials

fcntl: Any
try:
    import fcntl
except ImportError:  # on Windows, where only the content of the file decides
    fcntl = None

LOCK = ".lock"
UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # file systems without flock


class Owner(BaseModel, extra="forbid"):
    """The process that holds a lock. started: its start time in units of the system; "" if unknown."""

    process: int
    host: str
    started: str

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this machine."""
        return self.host == socket.gethostname()

    def may_run(self, released: bool) -> bool:
        """Whether it may still run; always true for a process of another machine.

        released: whether the system of this machine has released the locks of the process
        """
        if not self.is_here:
            return True
        if released:
            return False
        try:
            os.kill(self.process, 0)
        except (ProcessLookupError, OverflowError):
            return False
        except OSError:
            pass  # a process of another user
        return self.started == _started(self.process)  # else another process has its id now


@contextmanager
def locked(folder: Path, new: bool = False) -> Iterator[Path]:
    """Locks a folder, which is made if it is missing; removes partial files of killed processes.

    On exit, folders that were made and are empty are removed.

    new: whether the folder must not exist yet

    Raises: `GatewiseError` if another process has locked it; `FileExistsError` if it should be new.
    """
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=not new)
    try:
        handle = _acquire(folder)
        try:
            remove_partials(folder)
            yield folder
        finally:
            with suppress(OSError):
                (folder / LOCK).unlink()
            os.close(handle)
    finally:
        with suppress(OSError):  # up to the first that is in use
            for one in made:
                one.rmdir()


def _acquire(folder: Path) -> int:
    """Opens the lock file and locks it."""
    path = folder / LOCK
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        try:
            free, owner = _flock(handle), _owner(handle)
            if free is False or (owner is not None and owner.may_run(free is True)):
                raise GatewiseError(_in_use(folder, owner))
            if not _is_same(handle, path):  # the previous owner has just removed it
                os.close(handle)
                continue
            _write(handle)
            return handle
        except BaseException:
            with suppress(OSError):
                os.close(handle)
            raise


def _in_use(folder: Path, owner: Owner | None) -> str:
    if owner is None:
        return f"{str(folder)!r} is in use by another process; wait until it has ended"
    if owner.is_here:
        return f"{str(folder)!r} is in use by process {owner.process}; wait until it has ended"
    return (
        f"{str(folder)!r} is in use by process {owner.process} on the machine {owner.host!r}; "
        f"if that has ended, remove {folder / LOCK}"
    )


def _flock(handle: int) -> bool | None:
    """Locks an open file until the process ends, however it ends; None if the system can't."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in UNSUPPORTED:
            return None
        if isinstance(error, BlockingIOError | PermissionError):
            return False
        raise
    return True


def _owner(handle: int) -> Owner | None:
    """The process that wrote the lock; None if there is none, or it was killed while writing."""
    os.lseek(handle, 0, os.SEEK_SET)
    try:
        return Owner.model_validate_json(os.read(handle, 4096))
    except ValidationError:
        return None


def _write(handle: int) -> None:
    owner = Owner(process=os.getpid(), host=socket.gethostname(), started=_started(os.getpid()))
    os.lseek(handle, 0, os.SEEK_SET)
    os.ftruncate(handle, 0)
    os.write(handle, owner.model_dump_json().encode())


def _is_same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _started(process: int) -> str:
    """The start time of a process: the boot id and the clock ticks since boot; "" if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        ticks = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[19]
    except OSError:
        return ""
    return f"{boot} {ticks.decode()}"

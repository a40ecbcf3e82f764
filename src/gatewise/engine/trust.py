"""Whose files may be loaded: a folder or file that another user can change holds somebody else's code.

This file imports neither PyTorch nor any other library: the installation runs it where there is none.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
ROOT = 0
OWNED = hasattr(os, "geteuid")  # whether the system has users and modes at all


def folder_obstacle(folder: Path) -> str | None:
    """Why other users could change what a folder holds; None where only this user and root can.

    folder: absolute and free of links, as `os.path.realpath` returns it; what does not exist is no obstacle

    The folder itself must be closed to others. Above it, others may write only where the sticky bit keeps
    them from renaming what is not theirs, as in `/tmp`. Folders above may also belong to whom `/` belongs to:
    in a sandbox, root has another number.

    Raises: `OSError` if the folder can't be examined.
    """
    if not OWNED:
        return None
    for one in (folder, *folder.parents):
        try:
            status = one.lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(status.st_mode):
            return f"{one} is not a folder"
        of_system = one != folder and status.st_uid == Path(folder.anchor).lstat().st_uid
        if not _trusted_owner(status) and not of_system:
            return f"{one} belongs to {_user(status.st_uid)}"
        if _open_to_others(status) if one == folder else _others_may_rename(status):
            mode = stat.S_IMODE(status.st_mode)
            return f"others can write to {one} (mode {mode:o}; `chmod go-w` would close it)"
    return None


def file_obstacle(status: os.stat_result) -> str | None:
    """Why an open file's content can't be trusted, or is no content at all; None where it can.

    status: from `os.fstat` of the open file, so that nothing can be exchanged afterwards
    """
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    if not OWNED:
        return None
    if not _trusted_owner(status):
        return f"it belongs to {_user(status.st_uid)}"
    return "others can write to it" if _open_to_others(status) else None


def _trusted_owner(status: os.stat_result) -> bool:
    return status.st_uid in (ROOT, os.geteuid())


def _open_to_others(status: os.stat_result) -> bool:
    return bool(status.st_mode & OTHERS_WRITE)


def _others_may_rename(status: os.stat_result) -> bool:
    """Whether others may replace what lies in a folder, that is not theirs."""
    if status.st_mode & stat.S_ISVTX:
        return False
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _private_group(status.st_gid)


def _private_group(group: int) -> bool:
    """Whether a group is this user's alone; many systems give each user one that may write to his folders."""
    import grp  # not on every system
    import pwd

    try:
        user, entry = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    alone = set(entry.gr_mem) <= {user.pw_name}
    return user.pw_uid != ROOT and user.pw_gid == group and entry.gr_name == user.pw_name and alone


def _user(number: int) -> str:
    """A user's name and number, or the number alone."""
    import pwd  # not on every system

    try:
        return f"user {pwd.getpwuid(number).pw_name} ({number})"
    except KeyError:
        return f"user {number}"

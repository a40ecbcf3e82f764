"""Which files may be loaded: a file that another user can change may contain that user's code.

This file imports neither PyTorch nor any other library, since the installation runs it without them.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
ROOT = 0
OWNED = hasattr(os, "geteuid")  # whether the system has users and modes at all


def folder_obstacle(folder: Path) -> str | None:
    """The reason why other users could change the content of a folder; None if only this user and root can.

    folder: absolute and without links, as from `os.path.realpath`; a missing folder is no obstacle

    The folder itself must be closed to others. In its parents, others may write only if the sticky bit
    prevents them from renaming files of other users, as in `/tmp`. Parents may also belong to the owner of
    `/`, since root has another number in a sandbox.

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
    """The reason why the content of an open file can't be trusted; None if it can.

    status: from `os.fstat` of the open file, so that it can't be replaced afterwards
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
    """Whether others may replace files of other users in a folder."""
    if status.st_mode & stat.S_ISVTX:
        return False
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _private_group(status.st_gid)


def _private_group(group: int) -> bool:
    """Whether a group has no member but this user, as many systems create one for each user."""
    import grp  # not on every system
    import pwd

    try:
        user, entry = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    alone = set(entry.gr_mem) <= {user.pw_name}
    return user.pw_uid != ROOT and user.pw_gid == group and entry.gr_name == user.pw_name and alone


def _user(number: int) -> str:
    """The name and number of a user, or the number alone."""
    import pwd  # not on every system

    try:
        return f"user {pwd.getpwuid(number).pw_name} ({number})"
    except KeyError:
        return f"user {number}"

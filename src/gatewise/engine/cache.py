"""The folder of kernels that were compiled at first use, and whether its files may be loaded.

This file imports neither PyTorch nor any other library, since the installation runs it without them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gatewise.engine.libraries import Libraries
from gatewise.engine.trust import folder_obstacle

PRIVATE = 0o700


@dataclass(frozen=True)
class Cache:
    """The cache on disk.

    folder: absolute and without links, or None if there is none
    obstacle: the reason why it is not used, or None
    """

    folder: Path | None
    obstacle: str | None = None

    @property
    def libraries(self) -> Libraries | None:
        """The files of the folder, if it may be used."""
        return None if self.folder is None or self.obstacle else Libraries(self.folder)


def cache() -> Cache:
    """The cache; its folder is made if it does not exist, for this user alone."""
    folder = None
    try:
        folder = Path(os.path.realpath(_location()))
        return Cache(folder, folder_obstacle(folder) or _obstacle_once_made(folder))
    except (OSError, ValueError) as error:  # a ValueError for a path that no system accepts
        return Cache(folder, str(error))


def _obstacle_once_made(folder: Path) -> str | None:
    """Makes a folder and its parents, closed to others. Returns: an obstacle to its use, or None."""
    for one in (*reversed(folder.parents), folder):
        if not one.exists():
            one.mkdir(PRIVATE, exist_ok=True)
    return folder_obstacle(folder)


def _location() -> Path:
    """`$GATEWISE_CACHE`, else `gatewise` in the user's cache folder.

    A relative `$XDG_CACHE_HOME` is ignored, as its specification requires.

    Raises: `FileNotFoundError` if the user has no home.
    """
    own, general = os.environ.get("GATEWISE_CACHE"), os.environ.get("XDG_CACHE_HOME", "")
    if own:
        return _expanded(own)
    return Path(general, "gatewise") if os.path.isabs(general) else _expanded("~/.cache/gatewise")


def _expanded(path: str) -> Path:
    """An absolute path, with `~` expanded."""
    expanded, home = os.path.expanduser(path), os.environ.get("HOME")
    no_home = expanded == path or (home is not None and not os.path.isabs(home))
    if path.startswith("~") and no_home:
        raise FileNotFoundError(f"there is no home folder for {path}")
    return Path(expanded).absolute()

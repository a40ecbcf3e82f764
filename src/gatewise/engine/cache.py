"""Where kernels that were compiled at first use are kept, and whether what lies there may be loaded.

This file imports neither PyTorch nor any other library: the installation runs it where there is none.
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

    folder: absolute and free of links, or None where there is none
    obstacle: why it is not used, or None
    """

    folder: Path | None
    obstacle: str | None = None

    @property
    def libraries(self) -> Libraries | None:
        """What lies in the folder, if it may be used."""
        return None if self.folder is None or self.obstacle else Libraries(self.folder)


def cache() -> Cache:
    """The folder that is asked for, made where it does not exist, for this user alone."""
    folder = None
    try:
        folder = Path(os.path.realpath(_wanted()))
        return Cache(folder, folder_obstacle(folder) or _obstacle_once_made(folder))
    except (OSError, ValueError) as error:  # the latter of a path that no system takes
        return Cache(folder, str(error))


def _obstacle_once_made(folder: Path) -> str | None:
    """Makes a folder and those above it, closed to others; what stands against it then."""
    for one in (*reversed(folder.parents), folder):
        if not one.exists():
            one.mkdir(PRIVATE, exist_ok=True)
    return folder_obstacle(folder)


def _wanted() -> Path:
    """`$GATEWISE_CACHE`, else `gatewise` in the user's folder for caches.

    A relative `$XDG_CACHE_HOME` is ignored, as its specification asks for.

    Raises: `FileNotFoundError` if the user has no home.
    """
    own, general = os.environ.get("GATEWISE_CACHE"), os.environ.get("XDG_CACHE_HOME", "")
    if own:
        return _expanded(own)
    return Path(general, "gatewise") if os.path.isabs(general) else _expanded("~/.cache/gatewise")


def _expanded(path: str) -> Path:
    """An absolute path, with `~` filled in."""
    expanded, home = os.path.expanduser(path), os.environ.get("HOME")
    no_home = expanded == path or (home is not None and not os.path.isabs(home))
    if path.startswith("~") and no_home:
        raise FileNotFoundError(f"there is no home folder for {path}")
    return Path(expanded).absolute()

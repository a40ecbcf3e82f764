"""Notes on the files of a folder that are not read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from gatewise.data.images.image_file import is_image
from gatewise.errors import GatewiseError

MAX_LISTED = 4  # endings in a note


def describe_left_out(paths: Iterable[Path]) -> tuple[str, ...]:
    """A note on the kinds of paths that were not read, if there are any."""
    hidden = folders = below = special = 0
    endings: Counter[str] = Counter()
    for path in paths:
        if path.name.startswith("."):
            hidden += 1
        elif path.is_dir():
            folders += 1
            below += sum(map(is_image, path.rglob("*")))
        elif not path.is_file():
            special += 1
        else:
            endings[path.suffix.lower() or "none"] += 1
    kinds = ", ".join(f"{ending} {count:,}" for ending, count in endings.most_common(MAX_LISTED))
    kinds += ", ..." * (len(endings) > MAX_LISTED)
    notes = [
        f"files with other extensions: {endings.total():,} ({kinds})" * bool(endings),
        f"hidden files: {hidden:,}" * bool(hidden),
        f"nested folders: {folders:,} (images in them: {below:,})" * bool(folders),
        f"broken links, pipes or devices: {special:,}" * bool(special),
    ]
    notes = [one for one in notes if one]
    return (f"left out: {', '.join(notes)}",) if notes else ()


def left_out_below(folder: Path) -> tuple[str, ...]:
    """A note on the files below a folder that are not images, if there are any."""
    return describe_left_out(one for one in folder.rglob("*") if not one.is_dir() and not is_image(one))


def require_text(path: Path, what: str) -> str:
    """The name of a file or folder, for a model. Raises: `GatewiseError` if it is not in UTF-8."""
    try:
        path.name.encode()
    except UnicodeEncodeError as error:
        raise GatewiseError(
            f"the name of the {what} {printable(str(path))!r} is not in UTF-8; rename it"
        ) from error
    return path.name


def printable(name: str) -> str:
    r"""A name in which bytes that are not in UTF-8 are escaped.

    >>> printable("caf\udce9.png")
    'caf\\xe9.png'
    """
    return os.fsencode(name).decode(errors="backslashreplace")

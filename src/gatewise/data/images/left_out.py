"""Files of a folder that are not read: counted, so that nobody has to find out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from gatewise.data.images.image_file import is_image
from gatewise.errors import GatewiseError

SHOWN = 4  # endings that a note lists


def told_left_out(paths: Iterable[Path]) -> tuple[str, ...]:
    """What these paths are that were not read, in a sentence, or nothing."""
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
    kinds = ", ".join(f"{ending} {count:,}" for ending, count in endings.most_common(SHOWN))
    kinds += ", ..." * (len(endings) > SHOWN)
    told = [
        f"files of other endings: {endings.total():,} ({kinds})" * bool(endings),
        f"hidden ones: {hidden:,}" * bool(hidden),
        f"deeper folders: {folders:,} (images in them: {below:,})" * bool(folders),
        f"links to nothing, pipes or devices: {special:,}" * bool(special),
    ]
    told = [one for one in told if one]
    return (f"left out: {', '.join(told)}",) if told else ()


def left_out_below(folder: Path) -> tuple[str, ...]:
    """What is not read where every image below a folder is, in a sentence, or nothing."""
    return told_left_out(one for one in folder.rglob("*") if not one.is_dir() and not is_image(one))


def require_text(path: Path, what: str) -> str:
    """The name of a file or a folder that a model keeps. Raises: `GatewiseError` if it is not in UTF-8."""
    try:
        path.name.encode()
    except UnicodeEncodeError as error:
        raise GatewiseError(
            f"the name of the {what} {shown(str(path))!r} is not in UTF-8; rename it"
        ) from error
    return path.name


def shown(name: str) -> str:
    r"""A name with the bytes that are not in UTF-8 as escapes, as a table can hold it.

    >>> shown("caf\udce9.png")
    'caf\\xe9.png'
    """
    return os.fsencode(name).decode(errors="backslashreplace")

"""A folder whose files say by their names what they are for: to train on, to choose by, to test on."""

from __future__ import annotations

import re
from pathlib import Path

from gatewise.errors import GatewiseError

SHOWN = 4  # names that a note lists
NAMES = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation",
    "val": "validation", "dev": "validation", "devel": "validation", "testa": "validation",
    "test": "test", "testb": "test",
}  # fmt: skip


def part_files(path: Path) -> dict[str, Path]:
    """The files to read by part; a file that is given by itself is to train on, and for all else.

    Raises: `GatewiseError` if there is neither file nor folder, two files are for the same part, or none
    is to train on.
    """
    if not path.is_dir():
        if not path.is_file():
            raise GatewiseError(f"there is no file {str(path)!r}; give one, or a folder of them")
        return {"train": path}
    found: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        part = None if file.name.startswith(".") or not file.is_file() else part_of(file.name)
        if part is None:
            continue
        if part in found:
            raise GatewiseError(f"{found[part]} and {file} are both to {_purpose(part)}; take one away")
        found[part] = file
    if "train" not in found:
        raise GatewiseError(
            f"{path} has no file called like train; expected train, validation and test in the files' names"
        )
    return found


def told_others(path: Path) -> tuple[str, ...]:
    """A sentence on the files of a folder that are for no part, if there are any."""
    if not path.is_dir():
        return ()
    used = set(part_files(path).values())
    others = sorted(one.name for one in path.iterdir() if one not in used)
    listed = ", ".join(others[:SHOWN]) + (", ..." if len(others) > SHOWN else "")
    return (f"left out, as their names say no part: {len(others):,} ({listed})",) if others else ()


def to_test(path: Path) -> Path:
    """The file to test on: that of a folder, or the one that is given. Raises: `GatewiseError`."""
    files = part_files(path)
    return files.get("test", files["train"])


def part_of(name: str) -> str | None:
    """What a file is for, by a word in its name.

    >>> part_of("en_ewt-ud-dev.conllu"), part_of("eng.testb"), part_of("test.csv"), part_of("contest.txt")
    ('validation', 'test', 'test', None)
    """
    words = re.findall(r"[a-z]+", name.lower())
    return next((NAMES[word] for word in words if word in NAMES), None)


def part_named(told: str | None, where: str) -> str:
    """The part that a cell of a table names. Raises: `GatewiseError` if it names none."""
    name = (told or "").strip().lower()
    if name not in NAMES:
        raise GatewiseError(f"{where}: expected train, validation or test as the part, got {told!r}")
    return NAMES[name]


def _purpose(part: str) -> str:
    return {"train": "train on", "validation": "choose by", "test": "test on"}[part]

"""Folders with a file for each set, recognized by the names of the files."""

from __future__ import annotations

from pathlib import Path

from gatewise.data.splits import TITLES, set_in
from gatewise.errors import GatewiseError

MAX_LISTED = 4  # names in a note


def find_set_files(path: Path) -> dict[str, Path]:
    """The file of each set of a folder; a single file is the training set.

    Raises: `GatewiseError` if there is neither a file nor a folder, a set has two files, or there is none of
    the training set.
    """
    if not path.is_dir():
        if not path.is_file():
            raise GatewiseError(f"there is no file {str(path)!r}; give one, or a folder of them")
        return {"train": path}
    found: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        name = None if file.name.startswith(".") or not file.is_file() else set_in(file.name)
        if name is None:
            continue
        if name in found:
            raise GatewiseError(f"{found[name]} and {file} are both the {TITLES[name]} set; remove one")
        found[name] = file
    if "train" not in found:
        raise GatewiseError(
            f"{path} has no file for the training set; expected file names with train, validation and test"
        )
    return found


def describe_other_files(path: Path) -> tuple[str, ...]:
    """A note on the files of a folder that belong to no set, if there are any."""
    if not path.is_dir():
        return ()
    used = set(find_set_files(path).values())
    others = sorted(one.name for one in path.iterdir() if one not in used)
    listed = ", ".join(others[:MAX_LISTED]) + (", ..." if len(others) > MAX_LISTED else "")
    return (f"files that name no set, left out: {len(others):,} ({listed})",) if others else ()


def find_test_file(path: Path) -> Path:
    """The test file of a folder, or the file that is given. Raises: `GatewiseError` as `find_set_files`."""
    files = find_set_files(path)
    return files.get("test", files["train"])

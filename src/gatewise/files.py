"""Files that are there whole or not at all, whenever a run is killed."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

RUST_ERROR = re.compile(r"\(os error (\d+)\)")  # how safetensors and polars report the system's errors


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Lets `write` fill a file of a name of its own beside `path`, then puts it in place in one step.

    Raises: `OSError` that names `path`, or the folder above it that can't be made, and what is wrong.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        partial.touch(exist_ok=False)  # its error is clearer than that of a library that writes
        write(partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise _of(path, error) from error
    except Exception as error:
        found = RUST_ERROR.search(str(error))
        if found is None:
            raise
        raise _of(path, OSError(int(found[1]), os.strerror(int(found[1])))) from error
    finally:
        _remove(partial)


def remove_partials(folder: Path) -> None:
    """Removes what killed writes left in a folder and below it, where nothing else writes now."""
    for place, _, names in os.walk(folder):
        for name in names:
            if name.startswith(".") and name.endswith(".partial"):
                _remove(Path(place, name))


def _of(path: Path, error: OSError) -> OSError:
    """The same error, but of the file that was asked for."""
    if error.errno is None:  # a library's own, without a number
        return OSError(errno.EIO, str(error), str(path))
    return OSError(error.errno, error.strerror or os.strerror(error.errno), str(path))


def _remove(partial: Path) -> None:
    """Removes what is left; where that can't be done, the error before is more useful."""
    with suppress(OSError):
        partial.unlink(missing_ok=True)

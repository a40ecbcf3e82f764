"""Atomic writes: a file is complete or absent, even if the process is killed."""

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
    """Calls `write` on a temporary file beside `path`, then moves it into place in one step.

    Raises: `OSError` that names `path`, or the parent folder that can't be made, and the reason.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        partial.touch(exist_ok=False)  # its error is clearer than that of the library that writes
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
    """Removes temporary files that killed writes left in a folder and below it."""
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.startswith(".") and name.endswith(".partial"):
                _remove(Path(parent, name))


def _of(path: Path, error: OSError) -> OSError:
    """The same error with the path of the requested file."""
    if error.errno is None:  # raised by a library, without a number
        return OSError(errno.EIO, str(error), str(path))
    return OSError(error.errno, error.strerror or os.strerror(error.errno), str(path))


def _remove(partial: Path) -> None:
    """Removes a temporary file; an error here would hide the more useful one before it."""
    with suppress(OSError):
        partial.unlink(missing_ok=True)

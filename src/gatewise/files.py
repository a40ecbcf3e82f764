"""Files that are there whole or not at all, whenever a run is killed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Lets `write` fill a file beside `path`, then puts it in place in one step.

    What a killed write left behind is written over by the next.
    Errors: `OSError` that names `path`, or the folder above it that can't be made, and what is wrong.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        partial.touch()  # says what is wrong better than whoever writes
        write(partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise _of(path, error) from error
    finally:
        _remove(partial)


def _of(path: Path, error: OSError) -> OSError:
    """The same error, but of the file that was asked for."""
    if error.errno is None:  # a library's own, without a number
        return OSError(errno.EIO, str(error), str(path))
    return OSError(error.errno, error.strerror or os.strerror(error.errno), str(path))


def _remove(partial: Path) -> None:
    """Removes what is left; where that can't be done, the error before says more."""
    with suppress(OSError):
        partial.unlink(missing_ok=True)

"""Arrays from a .npz file, whose headers are checked before anything is decompressed."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from gatewise.errors import GatewiseError

MAX_RATIO, SMALL = 200, 1 << 30  # an archive may decompress to 200 times its size, or to 1 GiB
KINDS = "uifbU"  # numbers and names


def read_arrays(path: Path, names: Sequence[str] | None, expected: str) -> dict[str, np.ndarray]:
    """Reads the arrays of these names from a .npz file, of which the first is required; all for None.

    expected: a description of the file, for messages

    Raises: `GatewiseError` if the file is not of this format, is damaged, contains Python objects, has a
    header with a wrong size, or decompresses to far more than its own size.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about headers of older versions of NumPy
            if file.read(6) == b"\x93NUMPY":
                raise GatewiseError(
                    f"{path} contains one array without a name; write a .npz file with {expected}"
                )
            with zipfile.ZipFile(file) as archive:
                found = [one.removesuffix(".npy") for one in archive.namelist()]
                names = found if names is None else names
                if not names or names[0] not in found:
                    listed = ", ".join(found) or "nothing"
                    raise GatewiseError(f"{path} contains {listed}; expected {expected}")
                members = {name: archive.getinfo(f"{name}.npy") for name in names if name in found}
                _check_size(path, [*members.values()])
                return {name: _read_array(name, archive, member) for name, member in members.items()}
    except GatewiseError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise many types
        reason = " ".join(str(error).split()) or type(error).__name__
        raise GatewiseError(f"{path} can't be read as arrays: {reason}; expected {expected}") from error


def read_array(path: Path) -> np.ndarray:
    """Reads a .npy file. Raises: `GatewiseError` if it is none, is damaged, or contains Python objects."""
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _checked_array(path.name, file, path.stat().st_size)
    except Exception as error:  # NumPy raises many types
        reason = " ".join(str(error).split()) or type(error).__name__
        raise GatewiseError(f"{path} can't be read as an array: {reason}; expected a .npy file") from error


def _check_size(path: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    total = sum(one.file_size for one in members)
    if total > max(MAX_RATIO * path.stat().st_size, SMALL):
        raise GatewiseError(
            f"{path} decompresses to {total / 2**30:.1f} GiB, more than {MAX_RATIO} times its size; if that "
            "is correct, write it with numpy.savez, which does not compress"
        )


def _read_array(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        return _checked_array(name, file, member.file_size)


def _checked_array(name: str, file: IO[bytes], size: int) -> np.ndarray:
    """An array of a file of `size` bytes, whose header is checked first. Raises: `ValueError`."""
    shape, dtype = _read_header(file)
    size -= file.tell()
    if dtype.hasobject:
        raise ValueError("it contains Python objects")
    if dtype.kind not in KINDS:
        raise ValueError(f"{name} contains neither numbers nor names, but {dtype}")
    if math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"the header of {name} declares {dtype} of {list(shape)}, but it has {size:,} bytes")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """The shape and the type that the header of an array declares."""
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"it has the unknown format version {version}")
    shape, _, dtype = read(file)
    if any(size < 0 for size in shape):
        raise ValueError(f"the header of an array declares the shape {list(shape)}")
    return shape, dtype

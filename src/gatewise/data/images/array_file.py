"""Arrays from a .npz file: what its headers claim is checked before anything is unpacked."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from gatewise.errors import GatewiseError

DENSEST, SMALL = 200, 1 << 30  # an archive unpacks to 200 times its size at most, unless that is little
KINDS = "uifbU"  # numbers and names


def read_arrays(path: Path, names: Sequence[str], expected: str) -> dict[str, np.ndarray]:
    """The arrays of these names that a .npz file has; the first must be there.

    expected: what to give, for messages

    Raises: `GatewiseError` if the file is something else or damaged, holds Python objects, if a header
    claims another size than there is, or if it unpacks to far more than its own size.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that an older numpy wrote
            if file.read(6) == b"\x93NUMPY":
                raise GatewiseError(
                    f"{path} holds one array without a name; write a .npz file with {expected}"
                )
            with zipfile.ZipFile(file) as archive:
                there = [one.removesuffix(".npy") for one in archive.namelist()]
                if names[0] not in there:
                    raise GatewiseError(f"{path} holds {', '.join(there) or 'nothing'}; expected {expected}")
                members = {name: archive.getinfo(f"{name}.npy") for name in names if name in there}
                _check_size(path, [*members.values()])
                return {name: _array(name, archive, member) for name, member in members.items()}
    except GatewiseError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise whatever they meet
        reason = " ".join(str(error).split()) or type(error).__name__
        raise GatewiseError(f"{path} can't be read as arrays: {reason}; expected {expected}") from error


def _check_size(path: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    total = sum(one.file_size for one in members)
    if total > max(DENSEST * path.stat().st_size, SMALL):
        raise GatewiseError(
            f"{path} unpacks to {total / 2**30:.1f} GiB, more than {DENSEST} times its size; where that is "
            "right, write it with numpy.savez, which does not compress"
        )


def _array(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        shape, dtype = _header(file)
        size = member.file_size - file.tell()
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if dtype.kind not in KINDS:
        raise ValueError(f"{name} holds neither numbers nor names, but {dtype}")
    if math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"{name} claims to be {dtype} of {list(shape)} and has {size:,} bytes")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """The shape and the type that an array claims to have."""
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"it is of numpy's version {version}, which is not known")
    shape, _, dtype = read(file)
    if any(size < 0 for size in shape):
        raise ValueError(f"an array claims to have the shape {list(shape)}")
    return shape, dtype

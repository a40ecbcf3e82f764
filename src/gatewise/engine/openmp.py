"""The OpenMP runtime that kernels call: the one that PyTorch has loaded, so that both use the same threads.

A kernel is linked with no runtime, because a second one would compete with PyTorch's for the cores.

This file imports neither PyTorch nor any other library, since the installation runs it without them.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ENTRY = "GOMP_parallel"  # the function that starts a parallel region
RUNTIME = re.compile(r"lib(g|i|)omp.*\.(so|dylib)")  # GCC's, Intel's, LLVM's; PyTorch may add a digest


@cache
def share() -> str:
    """Makes the functions of the runtime visible to all libraries that are loaded later.

    Returns: where it is.

    Raises: `OSError` if there is none.
    """
    if sys.platform == "win32":
        return "libiomp5md.dll"  # which the kernels look up themselves
    if hasattr(ctypes.CDLL(None), ENTRY):
        return "the process"
    for path in _candidates():
        try:
            if hasattr(ctypes.CDLL(path, ctypes.RTLD_GLOBAL), ENTRY):
                return path
        except OSError:
            continue
    raise OSError("there is no OpenMP runtime: neither PyTorch nor the system has one")


def _candidates() -> Iterator[str]:
    """The runtimes that are loaded already, then the one in PyTorch's folder, then the system's."""
    yield from sorted(path for path in _loaded() if RUNTIME.fullmatch(Path(path).name))
    torch = getattr(sys.modules.get("torch"), "__file__", None)
    if torch:
        folder = Path(torch).parent / "lib"
        yield from sorted(str(path) for path in folder.glob("lib*omp*") if RUNTIME.fullmatch(path.name))
    yield from filter(None, (ctypes.util.find_library(name) for name in ("gomp", "omp", "iomp5")))


def _loaded() -> set[str]:
    """The files that this process has mapped; none where the system does not list them."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return {found[5] for line in lines if len(found := line.split(maxsplit=5)) == 6}

"""What this machine can do at best: its multiply-adds, and the bytes that its caches and memory give."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

SOURCE = Path(__file__).with_name("native") / "machine.cpp"
FLAGS = ("-std=gnu++17", "-O3", "-march=native", "-fopenmp", "-fPIC", "-shared")
L2, L3 = 1 << 20, 32 << 20  # where the system does not tell
READ = 1 << 28  # bytes read from a cache in one measurement
TURNS = 9  # the best counts: threads begin on one core, and other programs come in between


@dataclass(frozen=True)
class Machine:
    """Peak in GFLOP/s of float32, bandwidths in GB/s from the second and third cache and from memory.

    All with as many threads as PyTorch uses; None where it could not be measured, `reason` says why.
    """

    processor: str
    threads: int
    peak: float | None = None
    bandwidths: Mapping[str, float] | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For a file: whole numbers are exact enough."""
        return asdict(self)


def measured() -> Machine:
    """Measures this machine, in a few seconds."""
    threads, processor = torch.get_num_threads(), _processor()
    try:
        library = ctypes.CDLL(str(_built()))
    except (OSError, subprocess.SubprocessError) as error:
        return Machine(processor, threads, reason=f"not measured: {error}")
    second, third = _cache("SC_LEVEL2_CACHE_SIZE", L2), _cache("SC_LEVEL3_CACHE_SIZE", L3)
    shared = min(max(third // threads // 2, 2 * second), 4 * second)  # past the second, within the third
    bandwidths = {
        "L2": _call(library.reading, threads, second // 2, READ),
        "L3": _call(library.reading, threads, shared, READ),
        "memory": _call(library.triad, threads, 4 * third // threads),
    }
    return Machine(processor, threads, _call(library.peak, threads), bandwidths)


def _call(function: Any, threads: int, *sizes: int) -> float:
    """A measurement in units of 10^9 a second."""
    function.restype = ctypes.c_double
    found: float = max(function(ctypes.c_int(threads), *map(ctypes.c_int64, sizes)) for _ in range(TURNS))
    return round(found / 1e9, 1)


def _built() -> Path:
    """The compiled measurements, from the cache where they are; the cache's place is `$GATEWISE_CACHE`.

    Errors: `OSError` where there is no compiler or no place for it, `SubprocessError` where it fails.
    """
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise OSError("there is no C++ compiler; install g++ or clang++, or set CXX")
    key = hashlib.sha256("\0".join([SOURCE.read_text(), compiler, _processor(), *FLAGS]).encode())
    home = os.environ.get("GATEWISE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "gatewise")
    library = Path(home).expanduser() / f"machine-{key.hexdigest()[:16]}.so"
    if not library.is_file():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            result = Path(folder, "machine.so")
            command = [compiler, *FLAGS, str(SOURCE), "-o", str(result)]
            subprocess.run(command, capture_output=True, check=True)
            os.replace(result, library)
    return library


def _processor() -> str:
    """The processor's name, as the system tells it."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _cache(name: str, otherwise: int) -> int:
    """The bytes of a cache."""
    told = os.sysconf(name) if name in getattr(os, "sysconf_names", {}) else 0
    return told if told > 0 else otherwise

"""The limits of this machine: its multiply-adds, and the bandwidths of its caches and memory."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from gatewise.engine import processor
from gatewise.engine.compiling import BuildError, NativeProgram
from gatewise.engine.loading import load

SOURCE = Path(__file__).with_name("native") / "machine.cpp"
FLAGS = ("-std=gnu++17", "-O3", "-march=native", "-fopenmp", "-fPIC", "-shared")
L2, L3 = 1 << 20, 32 << 20  # bytes, if the system does not report them
READ = 1 << 28  # bytes read from a cache in one measurement
TURNS = 9  # of which the best counts: threads start on one core, and other programs interfere


@dataclass(frozen=True)
class Machine:
    """The peak in GFLOP/s of float32, and the bandwidths in GB/s of the L2 and L3 cache and of memory.

    All with as many threads as PyTorch uses; None if it could not be measured, for the given `reason`.
    """

    processor: str
    threads: int
    peak: float | None = None
    bandwidths: Mapping[str, float] | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The facts as JSON-compatible data."""
        return asdict(self)


def measured() -> Machine:
    """Measures this machine, in a few seconds."""
    threads, name = torch.get_num_threads(), processor.name()
    try:
        library = load(NativeProgram("machine", SOURCE.read_text(encoding="utf-8"), FLAGS))
    except BuildError as error:
        return Machine(name, threads, reason=f"not measured: {error}")
    second, third = _cache("SC_LEVEL2_CACHE_SIZE", L2), _cache("SC_LEVEL3_CACHE_SIZE", L3)
    shared = min(max(third // threads // 2, 2 * second), 4 * second)  # beyond L2, within L3
    bandwidths = {
        "L2": _call(library.reading, threads, second // 2, READ),
        "L3": _call(library.reading, threads, shared, READ),
        "memory": _call(library.triad, threads, 4 * third // threads),
    }
    return Machine(name, threads, _call(library.peak, threads), bandwidths)


def _call(function: Any, threads: int, *sizes: int) -> float:
    """A measurement in units of 10^9 per second."""
    function.restype = ctypes.c_double
    found: float = max(function(ctypes.c_int(threads), *map(ctypes.c_int64, sizes)) for _ in range(TURNS))
    return round(found / 1e9, 1)


def _cache(name: str, default: int) -> int:
    """The bytes of a cache."""
    size = os.sysconf(name) if name in getattr(os, "sysconf_names", {}) else 0
    return size if size > 0 else default

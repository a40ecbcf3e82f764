"""What this machine can do at best: its multiply-adds, and the bytes that its caches and memory give."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from gatewise.engine import processor
from gatewise.engine.compiling import BuildError, Program
from gatewise.engine.loading import load

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
    threads, name = torch.get_num_threads(), processor.name()
    try:
        library = load(Program("machine", SOURCE.read_text(encoding="utf-8"), FLAGS))
    except BuildError as error:
        return Machine(name, threads, reason=f"not measured: {error}")
    second, third = _cache("SC_LEVEL2_CACHE_SIZE", L2), _cache("SC_LEVEL3_CACHE_SIZE", L3)
    shared = min(max(third // threads // 2, 2 * second), 4 * second)  # past the second, within the third
    bandwidths = {
        "L2": _call(library.reading, threads, second // 2, READ),
        "L3": _call(library.reading, threads, shared, READ),
        "memory": _call(library.triad, threads, 4 * third // threads),
    }
    return Machine(name, threads, _call(library.peak, threads), bandwidths)


def _call(function: Any, threads: int, *sizes: int) -> float:
    """A measurement in units of 10^9 a second."""
    function.restype = ctypes.c_double
    found: float = max(function(ctypes.c_int(threads), *map(ctypes.c_int64, sizes)) for _ in range(TURNS))
    return round(found / 1e9, 1)


def _cache(name: str, otherwise: int) -> int:
    """The bytes of a cache."""
    told = os.sysconf(name) if name in getattr(os, "sysconf_names", {}) else 0
    return told if told > 0 else otherwise

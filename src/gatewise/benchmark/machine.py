"""The limits of this machine: its multiply-adds, and the bandwidths of its caches and memory."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from gatewise.engine import processor
from gatewise.engine.build import HEADERS
from gatewise.engine.compiling import SHARED, BuildError, NativeProgram
from gatewise.engine.loading import load
from gatewise.engine.machine import cache_size

SOURCE = Path(__file__).with_name("native") / "machine.cpp"
FLAGS = ("-std=gnu++17", "-O3", "-march=native", "-fPIC", *SHARED)
LARGEST = 1 << 28  # bytes of an array of a thread, of which there are three
READ = 1 << 28  # bytes read from a cache in one measurement
# Rounds of the multiply-adds, value * FACTOR + MORE: every value approaches 1, so that all stay normal.
ROUNDS, FACTOR, MORE = 4_000_000, 0.999, 0.001
TURNS = 9  # of which the best counts: threads start on one core, and other programs interfere


@dataclass(frozen=True)
class Machine:
    """The peak in GFLOP/s of float32, and the bandwidths in GB/s of the L2 and L3 cache and of memory.

    All with as many threads as PyTorch uses; None if it could not be measured, or is too low, for the given
    `reason`.
    """

    processor: str
    threads: int
    peak: float | None = None
    bandwidths: Mapping[str, float] | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The facts as JSON-compatible data."""
        return asdict(self)


def folder_name(processor: str) -> str:
    """The name of the folder with the results of a processor.

    >>> folder_name("Intel(R) Xeon(R) Gold 6240 CPU @ 2.60GHz")
    'intel-xeon-gold-6240-cpu-2-60ghz'
    """
    words = re.findall("[a-z0-9]+", re.sub(r"\((r|tm)\)", " ", processor.lower()))
    return "-".join(words) or "processor"


def measured() -> Machine:
    """Measures this machine, in a few seconds."""
    threads, name = torch.get_num_threads(), processor.name()
    try:
        loops = library()
    except BuildError as error:
        return Machine(name, threads, reason=f"not measured: {error}")
    peak = measured_peak(loops, threads)
    if peak == 0:
        return Machine(name, threads, reason="not measured: its loop computes numbers that are not normal")
    second, third = cache_size(2), cache_size(3)
    shared = min(max(third // threads // 2, 2 * second), 4 * second)  # beyond L2, within L3
    bandwidths = {
        "L2": _call(loops.reading, threads, ctypes.c_int64(second // 2), ctypes.c_int64(READ)),
        "L3": _call(loops.reading, threads, ctypes.c_int64(shared), ctypes.c_int64(READ)),
        "memory": _call(loops.triad, threads, ctypes.c_int64(min(4 * third // threads, LARGEST))),
    }
    return Machine(name, threads, peak, bandwidths)


def library() -> ctypes.CDLL:
    """The compiled loops.

    Raises: `BuildError` if they can't be compiled.
    """
    return load(NativeProgram("machine", SOURCE.read_text(encoding="utf-8"), FLAGS, HEADERS))


def measured_peak(
    library: ctypes.CDLL, threads: int, rounds: int = ROUNDS, factor: float = FACTOR, more: float = MORE
) -> float:
    """GFLOP/s of the loop of multiply-adds; 0 if a number in it is subnormal or infinite after the rounds."""
    return _call(library.peak, threads, ctypes.c_int64(rounds), ctypes.c_float(factor), ctypes.c_float(more))


def _call(function: Any, threads: int, *arguments: Any) -> float:
    """A measurement in units of 10^9 per second."""
    function.restype = ctypes.c_double
    found: float = max(function(ctypes.c_int(threads), *arguments) for _ in range(TURNS))
    return round(found / 1e9, 1)

"""The rates of this machine that decide how threads divide a kernel call: estimates, or measured ones.

Measured ones are kept beside the compiled kernels, in a file of numbers: at worst, they choose a slow plan.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import cache as once
from pathlib import Path
from typing import Any

from gatewise.engine import processor
from gatewise.engine.cache import cache
from gatewise.files import write_whole

FILE = "machine.json"
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
L2, L3 = 1 << 20, 32 << 20  # bytes, if the system does not report them
ESTIMATES = {"x86-64-v4": 80e9, "x86-64-v3": 40e9}  # multiply-adds per second of a thread
OTHERWISE = 10e9


@dataclass(frozen=True)
class Machine:
    """The rates of one thread while all threads work.

    multiplications: float32 multiply-adds per second
    l2_bandwidth, l3_bandwidth, memory_bandwidth: bytes read per second
    l2, l3: the bytes of the cache of a core, and of the cache that cores share
    wait: the seconds that are lost when threads wait for each other
    measured: whether the rates were measured; otherwise, they are estimates for the instruction set
    """

    multiplications: float
    l2_bandwidth: float = 100e9
    l3_bandwidth: float = 25e9
    memory_bandwidth: float = 8e9
    l2: int = L2
    l3: int = L3
    wait: float = 1e-6
    measured: bool = False

    def step(self, rows: float, weights: float, threads: int = 1) -> float:
        """The predicted seconds of a step in which a thread multiplies rows by its part of the weights.

        Weights are read while earlier ones are multiplied, so that only the slower of both counts.

        threads: those that divide the weights, and wait for each other after the step
        """
        own = weights / threads
        read = 4 * own / self.bandwidth(4 * own, 4 * weights)
        return max(rows * own / self.multiplications, read) + (self.wait if threads > 1 else 0.0)

    def bandwidth(self, own: float, shared: float) -> float:
        """The rate at which a thread reads its `own` bytes, part of those `shared` by all, again and again.

        Half of each cache is left to everything else.
        """
        if own <= self.l2 / 2:
            return self.l2_bandwidth
        return self.l3_bandwidth if shared <= self.l3 / 2 else self.memory_bandwidth


@once
def machine() -> Machine:
    """The rates of this machine: those measured on this processor, or else estimates."""
    return _kept() or _estimated()


def keep(found: Machine) -> Path | None:
    """Keeps measured rates for this and later processes. Returns: their file; None if there is no cache.

    Raises: `OSError` if the file can't be written.
    """
    libraries = cache().libraries
    if libraries is None:
        return None
    path = libraries.folder / FILE
    text = json.dumps({"processor": processor.identity(), **asdict(found)}, indent=2)
    write_whole(path, lambda partial: partial.write_text(text))
    machine.cache_clear()
    return path


def cache_size(level: int) -> int:
    """The bytes of the first core's L2 or L3 cache; common ones if the system does not report them."""
    for cache_folder in sorted(CACHES.glob("index*")):
        with suppress(OSError, ValueError):
            if int((cache_folder / "level").read_text()) == level:
                return 1024 * int((cache_folder / "size").read_text().strip().removesuffix("K"))
    return {2: L2, 3: L3}[level]


def _estimated() -> Machine:
    best = processor.instruction_set()
    return Machine(ESTIMATES.get(best.name if best else "", OTHERWISE), l2=cache_size(2), l3=cache_size(3))


def _kept() -> Machine | None:
    """The measured rates; None if there are none, they are of another processor, or the file is damaged."""
    libraries = cache().libraries
    try:
        data = json.loads((libraries.folder / FILE).read_text()) if libraries else None
    except (OSError, ValueError):
        return None
    if not isinstance(data, dict) or data.get("processor") != processor.identity():
        return None
    return _checked(data)


def _checked(data: dict[str, Any]) -> Machine | None:
    rates = {one.name: data.get(one.name) for one in fields(Machine) if one.name != "measured"}
    sound = all(isinstance(rate, int | float) and 0 < rate < float("inf") for rate in rates.values())
    return Machine(**rates, measured=True) if sound else None  # type: ignore[arg-type]

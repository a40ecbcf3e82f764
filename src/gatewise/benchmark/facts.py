"""Facts of this machine: its processor, compiler, GPU and compiled kernels."""

from __future__ import annotations

import os
import platform
from collections.abc import Set

import torch

from gatewise.benchmark.thread_plans import described_rates
from gatewise.compiler.stages import plan
from gatewise.engine import build, processor
from gatewise.engine.cache import cache
from gatewise.engine.compiling import LIBRARY, OBJECT, BuildError, compiler

VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "sse2": "SSE2", "asimd": "NEON"}  # the widest first
BFLOAT16 = {"avx512_bf16", "bf16"}
MALLOC = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
MALLOC_HINT = (
    "returns large blocks to the system after every step; if PyTorch's own operators are slow, try "
    "MALLOC_TRIM_THRESHOLD_=1073741824 MALLOC_MMAP_THRESHOLD_=1073741824"
)


def machine_facts() -> dict[str, str]:
    """Facts of the machine, by their names."""
    facts = {
        "processor": processor.name(),
        "instructions": _instructions(processor.features()),
        "threads": _threads(),
        "rates": described_rates(),
        "compiler": _compiler(),
        "GPU": _gpu(),
        "built-in kernels": _installed(),
        "kernel cache": _cache(),
    }
    if platform.libc_ver()[0] == "glibc" and not any(name.startswith(MALLOC) for name in os.environ):
        facts["malloc"] = MALLOC_HINT
    return facts


def _instructions(flags: Set[str]) -> str:
    vectors = next((name for flag, name in VECTORS.items() if flag in flags), None)
    if vectors is None:
        return f"those of {platform.machine()}"
    return f"{vectors}, {'with' if flags & BFLOAT16 else 'without'} bfloat16 products"


def _threads() -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = torch.get_num_threads()
    usage = f"PyTorch uses {threads}, on {usable} of the machine's {os.cpu_count()} logical cores"
    return f"{usage}; set OMP_NUM_THREADS={usable}: more threads only wait" if threads > usable else usage


def _compiler() -> str:
    """The compiler that a kernel would be built with, and its version."""
    try:
        found = compiler()
    except BuildError as error:
        return f"none: {error}"
    return f"{found}: {next(iter(found.version.splitlines()), 'of unknown version')}"


def _gpu() -> str:
    if not torch.cuda.is_available():
        return "none that PyTorch finds"
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return f"{', '.join(names)}; cuDNN {torch.backends.cudnn.version()}"


def _installed() -> str:
    """The number of cells that were compiled at installation for this processor."""
    best = processor.instruction_set()
    cells = build.installed_cells()
    compiled = sum(build.installed(plan(one), "float") for one in cells)
    if best is None or not compiled:
        return "none: each cell is compiled at its first use"
    return f"{compiled} of {len(cells)} cells, for {best.name}"


def _cache() -> str:
    """The folder of the compiled kernels, and their state."""
    found = cache()
    if found.libraries is None:
        return f"not used, so each process compiles its own kernels: {found.obstacle}"
    libraries = found.libraries
    files = [*libraries.every(LIBRARY), *libraries.every(OBJECT)]
    kernels = sum(one.path.suffix == LIBRARY for one in files)
    size = sum(one.path.lstat().st_size for one in files)
    damaged = sum(not libraries.undamaged(one) for one in files)
    state = "" if os.access(libraries.folder, os.W_OK) else "; new ones can't be written"
    state += f"; {damaged} damaged, compiled again at their next use" if damaged else ""
    return f"{libraries.folder}: {kernels} kernels, {size / 1e6:.1f} MB{state}"

"""A cell's C++ compiled by the system's compiler, once: at installation, or at first use and kept on disk.

This file imports neither PyTorch nor any other library: the installation runs it where there is none.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter

from gatewise.cells.catalogue import cells
from gatewise.compiler.source import source
from gatewise.compiler.stages import Plan, plan

HEADERS = Path(__file__).with_name("native")
INSTALLED = Path(__file__).with_name("built")
FLAGS = (
    "-std=gnu++20", "-O3", "-fno-math-errno", "-fopenmp", "-fPIC", "-shared", "-fvisibility=hidden",
)  # fmt: skip
log = logging.getLogger("gatewise")


class BuildError(Exception):
    """Why a cell can't be compiled here."""


@dataclass(frozen=True)
class InstructionSet:
    """Its name, what the compiler is told, and what a processor must say that it has."""

    name: str
    flags: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()


NATIVE = InstructionSet("native", ("-march=native",))  # of the machine that compiles
AVX2 = frozenset({
    "abm", "avx", "avx2", "bmi1", "bmi2", "cx16", "f16c", "fma", "lahf_lm", "movbe", "popcnt", "sse4_1",
    "sse4_2", "ssse3", "xsave",
})  # fmt: skip
AVX512 = AVX2 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
INSTRUCTION_SETS = {  # by kind of machine, the fastest first; the names are those of the x86-64 ABI
    "x86_64": (
        InstructionSet("x86-64-v4", ("-march=x86-64-v4", "-mprefer-vector-width=512"), AVX512),
        InstructionSet("x86-64-v3", ("-march=x86-64-v3",), AVX2),
        InstructionSet("x86-64", ("-march=x86-64",)),
    )
}


def built(plan: Plan, number: str) -> ctypes.CDLL:
    """The compiled cell: from the installation, from the cache on disk, or compiled now for this machine.

    Errors: `BuildError` where there is no compiler, it fails, or the cache can't be written.
    """
    try:
        return ctypes.CDLL(str(installed(plan, number) or _cached(plan, number)))
    except OSError as error:
        raise BuildError(f"the kernel of {plan.cell.__name__} can't be built or loaded: {error}") from error


def build_cells(folder: Path) -> Iterator[str]:
    """Compiles every built-in cell for every instruction set into a folder, on all cores; tells of each.

    float64 is left to its first use, as few need it; so is what fails here.
    """
    command = compiler()
    jobs = [(plan(cell), one) for cell in cells().values() for one in instruction_sets()]
    if command is None or not jobs:
        yield "there is no C++ compiler, or no Linux: no cell is compiled now, but each at its first use"
        return

    def build(job: tuple[Plan, InstructionSet]) -> str:
        library, begin = folder / _name(job[0], "float", job[1]), perf_counter()
        try:
            _compile(command, job[0], "float", job[1], library)
        except (BuildError, OSError) as error:
            return f"{library.stem} is left to its first use: {error}"
        return f"{library.stem}: {perf_counter() - begin:.1f} s, {library.stat().st_size / 1e3:.0f} kB"

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for count, line in enumerate(pool.map(build, jobs), 1):
            yield f"[{count}/{len(jobs)}] {line}"


def instruction_sets() -> tuple[InstructionSet, ...]:
    """Those that an installation is compiled for on this kind of machine; none beyond Linux."""
    if sys.platform != "linux":
        return ()
    return INSTRUCTION_SETS.get(platform.machine(), (InstructionSet("baseline"),))


def instruction_set() -> InstructionSet | None:
    """The fastest of them that this processor has."""
    return next((one for one in instruction_sets() if one.needs <= processor()), None)


def installed(plan: Plan, number: str) -> Path | None:
    """The library that was compiled at installation for the best of this processor, if there is one."""
    best = instruction_set()
    library = INSTALLED / _name(plan, number, best) if best else None
    return library if library and library.is_file() else None


@cache
def processor() -> frozenset[str]:
    """What the processor says that it has, where Linux tells; nothing elsewhere."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    told = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return frozenset(next(told, "").split())


def compiler() -> str | None:
    """The C++ compiler: `$CXX`, or what the system has."""
    return os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")


def cache_folder() -> Path:
    """Where cells are kept that were compiled at first use: `$GATEWISE_CACHE`, or the user's own cache."""
    home = os.environ.get("GATEWISE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "gatewise")
    return Path(home).expanduser()


def _cached(plan: Plan, number: str) -> Path:
    """The library in the cache, where it is compiled if it is not there."""
    command = compiler()
    if command is None:
        raise BuildError("there is no C++ compiler; install g++ or clang++, or set CXX")
    library = cache_folder() / _name(plan, number, NATIVE, _machine(command))
    if not library.is_file():
        log.info("compiling %s, once", library.name)
        _compile(command, plan, number, NATIVE, library)
    return library


def _compile(command: str, plan: Plan, number: str, instructions: InstructionSet, library: Path) -> None:
    """Compiles in a folder of its own, then puts the library in place: several processes may at once."""
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        program, result = Path(folder, "cell.cpp"), Path(folder, "cell.so")
        program.write_text(source(plan))
        options = [*instructions.flags, *FLAGS, f"-DGATEWISE_NUMBER={number}", f"-iquote{HEADERS}"]
        done = subprocess.run(
            [command, *options, str(program), "-o", str(result)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            reason = " ".join(done.stderr.split())[:200]
            raise BuildError(f"{command} can't compile {library.stem}: {reason}")
        os.replace(result, library)


def _name(plan: Plan, number: str, instructions: InstructionSet, machine: str = "") -> str:
    """A library's file name, which tells all that it is made from: a stale one is never found."""
    headers = "".join(path.read_text() for path in sorted(HEADERS.glob("*.h")))
    parts = "\0".join([source(plan), headers, machine, *instructions.flags, *FLAGS])
    digest = hashlib.sha256(parts.encode()).hexdigest()[:16]
    return f"{plan.cell.__name__}-{number}-{instructions.name}-{digest}.so"


@cache
def _machine(command: str) -> str:
    """The compiler and the processor, as far as they change what is compiled."""
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout
    return version + (" ".join(sorted(processor())) or platform.processor())

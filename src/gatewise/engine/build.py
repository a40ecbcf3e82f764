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
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import cells
from gatewise.cells.grid import grid
from gatewise.cells.multidimensional import mdlstm
from gatewise.compiler.source import source
from gatewise.compiler.stages import Plan, plan
from gatewise.engine import processor
from gatewise.engine.processor import NATIVE, InstructionSet

HEADERS = Path(__file__).with_name("native")
INSTALLED = Path(__file__).with_name("built")
FLAGS = ("-std=gnu++20", "-O3", "-fno-math-errno", "-fopenmp", "-fPIC", "-fvisibility=hidden")
OBJECT = ".o"
log = logging.getLogger("gatewise")


class BuildError(Exception):
    """Why a program can't be compiled here."""


@dataclass(frozen=True)
class Program:
    """C++ that becomes a library: its text, the compiler's flags, the folder of the headers it includes.

    suffix: of the file that it becomes; part: another program, an object file that it is linked with
    """

    name: str
    text: str
    flags: tuple[str, ...]
    headers: Path | None = None
    suffix: str = ".so"
    part: Program | None = None

    def file_name(self, machine: str = "") -> str:
        """The library's, which tells all that it is made from: a stale one is never found."""
        headers = "".join(_texts(self.headers).values())
        digest = hashlib.sha256("\0".join([self.text, headers, machine, *self.flags]).encode())
        return f"{self.name}-{digest.hexdigest()[:16]}{self.suffix}"

    def cached(self) -> Path:
        """The library in the cache on disk, where it is compiled if it is not there.

        Errors: `BuildError` without a compiler or where it fails, `OSError` where the cache can't be written.
        """
        command = compiler()
        if command is None:
            raise BuildError("there is no C++ compiler; install g++ or clang++, or set CXX")
        return self.within(cache_folder(), command, _machine(command))

    def within(self, place: Path, command: str, machine: str = "") -> Path:
        """The library in a folder, where it and its part are compiled if they are not there."""
        library = place / self.file_name(machine)
        if not library.is_file():
            log.info("compiling %s, once", library.name)
            self._compile(command, library, [self.part.within(place, command, machine)] if self.part else [])
        return library

    def _compile(self, command: str, library: Path, parts: list[Path]) -> None:
        """Compiles in a folder of its own, then puts the library in place: several processes may at once."""
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            program, result = Path(folder, "program.cpp"), Path(folder, "library")
            for name, text in {program.name: self.text, **_texts(self.headers)}.items():
                Path(folder, name).write_text(text)
            options = [*self.flags, str(program), *map(str, parts), "-o", str(result)]
            done = subprocess.run([command, *options], capture_output=True, text=True, check=False)
            if done.returncode:
                reason = " ".join(done.stderr.split())[:200]
                raise BuildError(f"{command} can't compile {library.stem}: {reason}")
            os.replace(result, library)


def built(plan: Plan, number: str) -> ctypes.CDLL:
    """The compiled cell: from the installation, from the cache on disk, or compiled now for this machine.

    Errors: `BuildError` where there is no compiler, it fails, or the cache can't be written.
    """
    try:
        return ctypes.CDLL(str(installed(plan, number) or program(plan, number, NATIVE).cached()))
    except OSError as error:
        raise BuildError(f"the kernel of {plan.cell.__name__} can't be built or loaded: {error}") from error


def installed_cells() -> list[CellType]:
    """Those that an installation has compiled."""
    return [*cells().values(), mdlstm(2), grid(2)]


def build_cells(folder: Path) -> Iterator[str]:
    """Compiles an installation's cells for every instruction set into a folder, on all cores; tells of each.

    float64 is left to its first use, as few need it; so are most cells of lattices, and what fails here.
    """
    command = compiler()
    jobs = [(plan(cell), one) for cell in installed_cells() for one in processor.instruction_sets()]
    if command is None or not jobs:
        yield "there is no C++ compiler, or no Linux: no cell is compiled now, but each at its first use"
        return

    def build(job: tuple[Plan, InstructionSet]) -> str:
        begin, cell = perf_counter(), program(job[0], "float", job[1])
        try:
            library = cell.within(folder, command)
        except (BuildError, OSError) as error:
            return f"{Path(cell.file_name()).stem} is left to its first use: {error}"
        return f"{library.stem}: {perf_counter() - begin:.1f} s, {library.stat().st_size / 1e3:.0f} kB"

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for count, line in enumerate(pool.map(build, jobs), 1):
            yield f"[{count}/{len(jobs)}] {line}"
    for part in folder.glob(f"*{OBJECT}"):
        part.unlink()


def installed(plan: Plan, number: str) -> Path | None:
    """The library that was compiled at installation for the best of this processor, if there is one."""
    best = processor.instruction_set()
    library = INSTALLED / program(plan, number, best).file_name() if best else None
    return library if library and library.is_file() else None


def program(plan: Plan, number: str, instructions: InstructionSet) -> Program:
    """A cell's kernel over one type of numbers, for one instruction set."""
    name = f"{plan.cell.__name__}-{number}-{instructions.name}"
    flags = (*instructions.flags, *FLAGS, f"-DGATEWISE_NUMBER={number}")
    products = Program(
        f"products-{number}-{instructions.name}", '#include "products.h"\n',
        (*flags, "-DGATEWISE_PRODUCTS", "-c"), HEADERS, OBJECT,
    )  # fmt: skip
    return Program(name, source(plan), (*flags, "-shared"), HEADERS, part=products)


def compiler() -> str | None:
    """The C++ compiler: `$CXX`, or what the system has."""
    return os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")


def cache_folder() -> Path:
    """Where what was compiled at first use is kept: `$GATEWISE_CACHE`, or the user's own cache."""
    home = os.environ.get("GATEWISE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "gatewise")
    return Path(home).expanduser()


@cache
def _texts(headers: Path | None) -> dict[str, str]:
    """Of all headers in a folder, by their names; read once a process."""
    return {path.name: path.read_text() for path in sorted(headers.glob("*.h"))} if headers else {}


@cache
def _machine(command: str) -> str:
    """The compiler and the processor, as far as they change what is compiled."""
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout
    return version + (" ".join(sorted(processor.features())) or platform.processor())

"""Compiled cells: from the installation, or compiled at first use and cached on disk.

This file imports neither PyTorch nor any other library, since the installation runs it without them.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import cells, lattice_cells
from gatewise.cells.grid import grid
from gatewise.cells.multidimensional import mdlstm
from gatewise.compiler.constants import with_constants
from gatewise.compiler.source import source
from gatewise.compiler.stages import StagePlan, plan
from gatewise.engine import loading, processor
from gatewise.engine.batch import compile_all
from gatewise.engine.compiling import LIBRARY, OBJECT, SHARED, BuildError, NativeProgram, compiler
from gatewise.engine.libraries import Libraries
from gatewise.engine.processor import NATIVE, InstructionSet

HEADERS = Path(__file__).with_name("native")
INSTALLED = Path(__file__).with_name("built")
ROUNDED = "Bfloat16"  # factors that the matrix tiles of a processor multiply
INFERENCE = ("Int8",)  # types of factors whose kernels have no gradient
FLAGS: tuple[str, ...] = ("-std=gnu++20", "-O3", "-fno-math-errno")
if sys.platform != "win32":
    FLAGS += ("-fPIC", "-fvisibility=hidden")


def built(plan: StagePlan, number: str) -> ctypes.CDLL:
    """The compiled cell: from the installation, from the cache on disk, or compiled for this machine.

    Raises: `BuildError` if it is in neither and can't be compiled.
    """
    return find(lambda instructions: program(plan, number, instructions))


def find(make: Callable[[InstructionSet], NativeProgram]) -> ctypes.CDLL:
    """The library of the program that `make` returns for an instruction set, found or compiled as a cell's.

    Raises: `BuildError` if there is none and it can't be compiled.
    """
    best = processor.instruction_set()
    kept = loading.load_kept(_installation(), make(best).stem()) if best else None
    return kept or loading.load(make(NATIVE))


def installed(plan: StagePlan, number: str) -> bool:
    """Whether a cell was compiled at installation for the best instruction set of this processor."""
    best, folder = processor.instruction_set(), _installation()
    stem = program(plan, number, best).stem() if best else ""
    return any(folder.undamaged(found) for found in folder.find(stem, LIBRARY))


def _installation() -> Libraries:
    """The libraries of the package, trusted like its code, whoever installed it."""
    return Libraries(INSTALLED, checked=False)


def installed_cells() -> list[CellType]:
    """The cells that an installation compiles."""
    of_vectors = [with_constants(one)[0] for one in cells().values() if not one.matrix_states]
    return [*of_vectors, mdlstm(2), grid(2)]


def installed_programs(instructions: InstructionSet) -> list[NativeProgram]:
    """What an installation compiles for an instruction set; float64 and most lattices are for few."""
    of_cells = [program(plan(cell), "float", instructions) for cell in installed_cells()]
    return [*of_cells, memory_program("float", instructions), threads_program(instructions)]


def build_programs(folder: Path, chosen: str = "own") -> Iterator[str]:
    """Compiles the programs of an installation, on all cores; reports each. One that fails is compiled at its
    first use, like all others.

    chosen: the instruction sets: "own", the best one of this processor; "all"; "none"; or names with commas

    Raises: `BuildError` if a name is unknown.
    """
    instruction_sets = chosen_instruction_sets(chosen)
    programs = [program for one in instruction_sets for program in installed_programs(one)]
    try:
        found = compiler()
    except BuildError as error:
        yield f"no kernel is compiled now; each is compiled at its first use: {error}"
        return
    if not programs:
        yield f"no kernel is compiled now ({chosen}); each is compiled at its first use"
        return
    folder.mkdir(parents=True, exist_ok=True)
    names = ", ".join(one.name for one in instruction_sets)
    yield f"{len(programs)} kernels for {names} are compiled now by {found}; this takes a few minutes"
    yield from compile_all(programs, found, Libraries(folder))


def chosen_instruction_sets(chosen: str) -> tuple[InstructionSet, ...]:
    """Those of "own", "all", "none", or names with commas; the fastest first."""
    known, own = processor.instruction_sets(), processor.instruction_set()
    if chosen == "own":
        return (own,) if own else ()
    if chosen in ("all", "none"):
        return known if chosen == "all" else ()
    names = {one.name: one for one in known}
    if unknown := sorted(set(chosen.split(",")) - set(names)):
        raise BuildError(
            f"unknown instruction sets: {', '.join(unknown)}; choose own, all, none, {', '.join(names)}"
        )
    return tuple(names[name] for name in names if name in chosen.split(","))


def program(plan: StagePlan, number: str, instructions: InstructionSet) -> NativeProgram:
    """A cell's kernel over one type of numbers, for one instruction set."""
    cell = plan.cell.__name__ if plan.cell.__name__ in _built_in() else "cell"
    name = f"{cell}-{number}-{instructions.name}"
    flags = (*instructions.flags, *FLAGS, f"-DGATEWISE_NUMBER={number}")
    if number in INFERENCE:
        flags += ("-DGATEWISE_INFERENCE",)
    if number == ROUNDED and "amx_bf16" in processor.features() and not processor.allows_matrix_tiles():
        flags += ("-mno-amx-bf16",)
    products = NativeProgram(
        f"products-{number}-{instructions.name}", '#include "products.h"\n',
        (*flags, "-DGATEWISE_PRODUCTS", "-c"), HEADERS, OBJECT,
    )  # fmt: skip
    return NativeProgram(name, source(plan), (*flags, *SHARED), HEADERS, part=products)


def memory_program(number: str, instructions: InstructionSet) -> NativeProgram:
    """The operation of matrix memories over one type of numbers, for one instruction set."""
    flags = (*instructions.flags, *FLAGS, f"-DGATEWISE_NUMBER={number}", *SHARED)
    return NativeProgram(f"memory-{number}-{instructions.name}", '#include "memory.h"\n', flags, HEADERS)


def threads_program(instructions: InstructionSet) -> NativeProgram:
    """The floating-point mode of PyTorch's threads, for one instruction set."""
    flags = (*instructions.flags, *FLAGS, *SHARED)
    return NativeProgram(f"threads-{instructions.name}", '#include "pool.h"\n', flags, HEADERS)


@cache
def _built_in() -> frozenset[str]:
    """The names of built-in cells; no other name becomes part of a path."""
    return frozenset({*cells(), *lattice_cells()})

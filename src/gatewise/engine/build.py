"""Compiled cells: from the installation, or compiled at first use and cached on disk.

This file imports neither PyTorch nor any other library, since the installation runs it without them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
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
from gatewise.engine.compiling import LIBRARY, OBJECT, BuildError, NativeProgram, compiler
from gatewise.engine.libraries import Libraries
from gatewise.engine.processor import NATIVE, InstructionSet

HEADERS = Path(__file__).with_name("native")
INSTALLED = Path(__file__).with_name("built")
ROUNDED = "Bfloat16"  # factors that the matrix tiles of a processor multiply
INFERENCE = ("Int8",)  # types of factors whose kernels have no gradient
FLAGS = ("-std=gnu++20", "-O3", "-fno-math-errno", "-fopenmp", "-fPIC", "-fvisibility=hidden")


def built(plan: StagePlan, number: str) -> ctypes.CDLL:
    """The compiled cell: from the installation, from the cache on disk, or compiled for this machine.

    Raises: `BuildError` if it is in neither and can't be compiled.
    """
    return _load_installed(plan, number) or loading.load(program(plan, number, NATIVE))


def installed(plan: StagePlan, number: str) -> bool:
    """Whether a cell was compiled at installation for the best instruction set of this processor."""
    best, folder = processor.instruction_set(), _installation()
    stem = program(plan, number, best).stem() if best else ""
    return any(folder.undamaged(found) for found in folder.find(stem, LIBRARY))


def _load_installed(plan: StagePlan, number: str) -> ctypes.CDLL | None:
    """The library compiled at installation; None if there is none, or it is damaged."""
    best = processor.instruction_set()
    return loading.load_kept(_installation(), program(plan, number, best).stem()) if best else None


def _installation() -> Libraries:
    """The libraries of the package, trusted like its code, whoever installed it."""
    return Libraries(INSTALLED, checked=False)


def installed_cells() -> list[CellType]:
    """The cells that an installation compiles."""
    of_vectors = [with_constants(one)[0] for one in cells().values() if not one.matrix_states]
    return [*of_vectors, mdlstm(2), grid(2)]


def build_cells(folder: Path) -> Iterator[str]:
    """Compiles the cells of an installation for every instruction set, on all cores; reports each.

    float64 and most lattice cells are compiled at first use, as few need them; so are cells that fail here.
    """
    programs = [
        program(plan(cell), "float", one)
        for one in processor.instruction_sets()
        for cell in installed_cells()
    ]
    try:
        chosen = compiler()
    except BuildError as error:
        yield f"no cell is compiled now; each is compiled at its first use: {error}"
        return
    if not programs:
        yield "no cell is compiled now; each is compiled at its first use, as on all systems but Linux"
        return
    folder.mkdir(parents=True, exist_ok=True)
    yield from compile_all(programs, chosen, Libraries(folder))


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
    return NativeProgram(name, source(plan), (*flags, "-shared"), HEADERS, part=products)


@cache
def _built_in() -> frozenset[str]:
    """The names of built-in cells; no other name becomes part of a path."""
    return frozenset({*cells(), *lattice_cells()})

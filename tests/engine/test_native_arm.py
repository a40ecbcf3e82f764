"""Kernels of a 64-bit ARM processor (NEON), compiled by a cross compiler and run by QEMU."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gatewise.cells import GRU, LSTM, cells
from gatewise.compiler.stages import plan
from gatewise.engine import build
from gatewise.engine.processor import InstructionSet

PROGRAM = Path(__file__).with_name("portable.cpp")
BASELINE = InstructionSet("baseline")


def results(folder, cell, compiler, *runner):
    """The numbers that a kernel computes, compiled by a compiler and run by another program."""
    folder.mkdir()
    kernel = build.program(plan(cell), "float", BASELINE)
    (folder / "products.cpp").write_text(kernel.part.text)
    (folder / "cell.cpp").write_text(f"{kernel.text}\n{PROGRAM.read_text()}")
    flags = [*build.FLAGS, "-DGATEWISE_NUMBER=float", "-iquote", str(build.HEADERS)]
    compile_products = [compiler, *flags, "-DGATEWISE_PRODUCTS", "-c", "products.cpp", "-o", "products.o"]
    link = [compiler, *flags, "cell.cpp", "products.o", "-o", "cell", "-static", "-lgomp", "-lpthread"]
    for command in (compile_products, link):
        subprocess.run(command, cwd=folder, check=True)
    done = subprocess.run([*runner, str(folder / "cell")], check=True, capture_output=True, text=True)
    return [np.array(line.split()[1:], dtype=float) for line in done.stdout.splitlines()]


@pytest.mark.thorough
@pytest.mark.parametrize("cell", [LSTM, GRU, cells()["LayerNormLSTM"]], ids=lambda one: one.__name__)
def test_a_kernel_computes_on_arm_what_it_computes_here(tmp_path, cell):
    cross, emulator = shutil.which("aarch64-linux-gnu-g++"), shutil.which("qemu-aarch64")
    if not (cross and emulator and shutil.which("g++")):
        pytest.skip("this needs g++, g++-aarch64-linux-gnu and qemu-user")
    here = results(tmp_path / "here", cell, "g++")
    there = results(tmp_path / "there", cell, cross, emulator)
    assert len(here) == len(there) > 20
    for ours, theirs in zip(here, there, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)
    assert sum(np.any(one != 0) for one in here) > 20

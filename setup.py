"""Compiles the built-in cells into the package while it is built; all else is in pyproject.toml.

They are compiled for the processor of this machine. `GATEWISE_KERNELS=all` compiles them for all instruction
sets of its kind, `GATEWISE_KERNELS=none` compiles nothing.
"""

import os
import shutil
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

sys.path.insert(0, str(Path(__file__).parent / "src"))  # what is used of it needs no other library

from gatewise.engine import build, compiling, processor

KERNELS = os.environ.get("GATEWISE_KERNELS", "").strip() or "own"


class BuildCells(build_py):
    """Adds a library for each cell; an editable install has none, and uses the cache on disk."""

    def run(self):
        super().run()
        if not self.editable_mode:
            folder = Path(self.build_lib, "gatewise", "engine", build.INSTALLED.name)
            shutil.rmtree(folder, ignore_errors=True)  # those of an earlier build
            try:
                for line in build.build_programs(folder, KERNELS):
                    print(line, flush=True)
            except compiling.BuildError as error:
                raise SystemExit(f"GATEWISE_KERNELS: {error}") from error


class Compiled(Distribution):
    """A package for one kind of machine, where its cells are compiled."""

    def has_ext_modules(self):
        try:
            return KERNELS != "none" and bool(compiling.compiler() and processor.instruction_sets())
        except compiling.BuildError:
            return False


class Wheel(bdist_wheel):
    """Suits every Python version: the libraries do not use its API."""

    def get_tag(self):
        return ("py3", "none", super().get_tag()[2])


setup(cmdclass={"build_py": BuildCells, "bdist_wheel": Wheel}, distclass=Compiled)

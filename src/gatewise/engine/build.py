"""A cell's C++ compiled by the system's compiler, once, and kept on disk."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from gatewise.compiler.source import source
from gatewise.compiler.stages import Plan

HEADERS = Path(__file__).with_name("native")
FLAGS = (
    "-std=gnu++20", "-O3", "-march=native", "-fno-math-errno", "-fopenmp", "-fPIC", "-shared",
    "-fvisibility=hidden",
)  # fmt: skip
log = logging.getLogger("gatewise")


class BuildError(Exception):
    """Why a cell can't be compiled here."""


def built(plan: Plan, number: str) -> ctypes.CDLL:
    """The compiled cell, from the cache where it is; the cache's place is `$GATEWISE_CACHE`.

    Errors: `BuildError` where there is no compiler, it fails, or the cache can't be written.
    """
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise BuildError("there is no C++ compiler; install g++ or clang++, or set CXX")
    text = source(plan)
    try:
        library = _cache_folder() / f"{plan.cell.__name__}-{number}-{_key(text, compiler)}.so"
        if not library.is_file():
            _build(text, compiler, number, library)
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise BuildError(f"the kernel of {plan.cell.__name__} can't be built or loaded: {error}") from error


def _build(text: str, compiler: str, number: str, library: Path) -> None:
    """Compiles in a folder of its own, then puts the library in place: several processes may at once."""
    library.parent.mkdir(parents=True, exist_ok=True)
    log.info("compiling %s, once", library.name)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        program, result = Path(folder, "cell.cpp"), Path(folder, "cell.so")
        program.write_text(text)
        command = [
            compiler,
            *FLAGS,
            f"-DGATEWISE_NUMBER={number}",
            f"-iquote{HEADERS}",
            str(program),
            "-o",
            str(result),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(f"{compiler} can't compile {library.stem}: {done.stderr.strip()[:200]}")
        os.replace(result, library)


def _cache_folder() -> Path:
    home = os.environ.get("GATEWISE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "gatewise")
    return Path(home).expanduser()


@cache
def _machine(compiler: str) -> str:
    """The compiler and the processor, as far as they change what is compiled."""
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return version + flags


def _key(text: str, compiler: str) -> str:
    headers = "".join(path.read_text() for path in sorted(HEADERS.glob("*.h")))
    parts = "\0".join([text, headers, _machine(compiler), *FLAGS])
    return hashlib.sha256(parts.encode()).hexdigest()[:16]

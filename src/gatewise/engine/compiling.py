"""The system's C++ compiler, and the programs that it compiles.

This file imports neither PyTorch nor any other library, since the installation runs it without them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import platform
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gatewise.engine.scratch import scratch

LIBRARY, OBJECT = ".so", ".o"
SHARED: tuple[str, ...] = ("-shared",)
if sys.platform == "darwin":  # where a library may call what the process has only with this flag
    SHARED += ("-undefined", "dynamic_lookup")
MAIN_HEADER, PARSED = "gatewise.h", ".gch"  # suffix of a precompiled header, which GCC looks for first
NAMES = ("clang++",) if sys.platform == "win32" else ("g++", "clang++")  # GCC misaligns vectors on Windows
PATIENCE = 60  # seconds in which a compiler must print its version
log = logging.getLogger("gatewise")


class BuildError(Exception):
    """A program can't be compiled on this machine."""


@dataclass(frozen=True)
class NativeProgram:
    """A C++ program: its text, the compiler's flags, the folder of the headers it includes.

    suffix: of the compiled file; part: another program, an object file that it is linked with
    """

    name: str
    text: str
    flags: tuple[str, ...]
    headers: Path | None = None
    suffix: str = LIBRARY
    part: NativeProgram | None = None

    def stem(self, processor: str = "") -> str:
        """The start of its file name: its name, and a digest of everything it is made from but the compiler.

        processor: the target of the program, if the flags leave it to the machine
        """
        headers = "".join(_texts(self.headers).values())
        part = self.part.stem(processor) if self.part else ""
        everything = "\0".join([self.text, headers, part, processor, *self.flags])
        return f"{self.name}-{_short(everything, 16)}"


@dataclass(frozen=True)
class Compiler:
    """A command, as words, and the output of its `--version`."""

    command: tuple[str, ...]
    version: str

    @property
    def identity(self) -> str:
        """A short digest of both, which differs for other compilers and other options in `$CXX`."""
        return _short("\0".join([*self.command, self.version]), 8)

    def compile(
        self, program: NativeProgram, part: bytes | None = None, otherwise: Path | None = None,
        headers: Path | None = None,
    ) -> bytes:  # fmt: skip
        """Compiles a program. Returns: the content of the compiled file.

        part: the content of the program's part
        otherwise: a folder to compile in if the one for temporary files can't be used
        headers: a folder that `parse_headers` has filled for programs with the same flags

        Raises: `BuildError` if the compiler fails, `OSError` if its files can't be written.
        """
        with scratch(None, otherwise) as folder:
            source, linked, result = folder / "program.cpp", folder / "part.o", folder / "library"
            source.write_text(program.text, encoding="utf-8")
            if part is not None:
                linked.write_bytes(part)
            if headers is None:
                _write_headers(program, folder)
            parts = [] if part is None else [str(linked)]
            # Not -I, which `#include <math.h>` would search, too.
            include = [] if headers is None else ["-iquote", str(headers)]
            self._run(folder, (*program.flags, *include, str(source), *parts, "-o", str(result)))
            if not result.is_file():
                raise BuildError(f"{self} succeeds without writing a file")
            return result.read_bytes()

    def parse_headers(self, program: NativeProgram, folder: Path) -> None:
        """Writes a program's headers into a folder and precompiles the main one.

        With it GCC compiles to the same bytes in a sixth less time; other compilers read the header itself.

        Raises: `BuildError` if the compiler fails, `OSError` if its files can't be written.
        """
        _write_headers(program, folder)
        main = folder / MAIN_HEADER
        flags = (flag for flag in program.flags if flag not in SHARED)
        self._run(folder, (*flags, "-w", "-x", "c++-header", str(main), "-o", f"{main}{PARSED}"))

    def _run(self, folder: Path, arguments: tuple[str, ...]) -> None:
        done = _run((*self.command, *arguments), TMPDIR=str(folder))
        if done.returncode:
            raise BuildError(f"{self} fails: {_one_line(done.stderr)}")

    def __str__(self) -> str:
        return shlex.join(self.command)


def compiler() -> Compiler:
    """The C++ compiler: `$CXX`, which may have options, the system's, or that of the extra `compiler`.

    Raises: `BuildError` if there is none, or it does not run.
    """
    command = _command(os.environ.get("CXX", "").strip())
    return Compiler(command, _version(command))


def _command(value: str) -> tuple[str, ...]:
    """The words of a command, its program as an absolute path."""
    if not value:
        found = next(filter(None, map(shutil.which, NAMES)), None)
        command = _packaged() if found is None else (found,)
        if command is None:
            names = f"{' or '.join(NAMES)}, or `pip install 'gatewise[compiler]'`"
            raise BuildError(f"there is no C++ compiler; install {names}, or set CXX")
        return command
    if whole := shutil.which(value):  # possibly a path with spaces
        return (os.path.abspath(whole),)
    try:
        program, *options = shlex.split(value)
    except ValueError as error:
        raise BuildError(f"CXX is {value!r}, which is not a command: {error}") from error
    found = shutil.which(os.path.expanduser(program))
    if found is None:
        raise BuildError(f"CXX is {value!r}, but there is no executable program {program!r}")
    return (os.path.abspath(found), *options)


def _packaged() -> tuple[str, ...] | None:
    """The command of the compiler that is a Python package, Zig's; None if it is not installed.

    On Linux it is given a target, as the headers of the system may be incomplete; its own are not.
    """
    found = importlib.util.find_spec("ziglang")
    if found is None or found.origin is None:
        return None
    program = Path(found.origin).with_name("zig.exe" if sys.platform == "win32" else "zig")
    target = ("-target", f"{platform.machine()}-linux-gnu.2.17") if sys.platform == "linux" else ()
    return (str(program), "c++", *target, "-s")


@cache
def _version(command: tuple[str, ...]) -> str:
    """The output of `--version`, once per process."""
    try:
        done = _run((*command, "--version"), timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"{shlex.join(command)} does not run: {error}") from error
    return done.stdout


def _run(
    command: tuple[str, ...], timeout: float | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs a compiler, with messages in English."""
    return subprocess.run(
        command, env={**os.environ, "LC_ALL": "C", **environment}, stdin=subprocess.DEVNULL, timeout=timeout,
        capture_output=True, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip


def _write_headers(program: NativeProgram, folder: Path) -> None:
    for name, text in _texts(program.headers).items():
        (folder / name).write_text(text, encoding="utf-8")


@cache
def _texts(headers: Path | None) -> dict[str, str]:
    """The headers in a folder, by their names; read once per process."""
    return (
        {path.name: path.read_text(encoding="utf-8") for path in sorted(headers.glob("*.h"))}
        if headers
        else {}
    )


def _short(text: str, length: int) -> str:
    """The start of a text's digest."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:length]


def _one_line(text: str) -> str:
    """The start of a compiler's messages, in printable characters."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:200]

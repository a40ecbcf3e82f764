"""The system's C++ compiler: which one it is, and what it makes of a program.

This file imports neither PyTorch nor any other library: the installation runs it where there is none.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gatewise.engine.scratch import scratch

LIBRARY, OBJECT = ".so", ".o"
PATIENCE = 60  # seconds in which a compiler must print its version
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
    suffix: str = LIBRARY
    part: Program | None = None

    def stem(self, processor: str = "") -> str:
        """How its file's name begins: its name, and a digest of all that it is made from but the compiler.

        processor: what the program is compiled for, where the flags leave it to the machine
        """
        headers = "".join(_texts(self.headers).values())
        part = self.part.stem(processor) if self.part else ""
        everything = "\0".join([self.text, headers, part, processor, *self.flags])
        return f"{self.name}-{_short(everything, 16)}"


@dataclass(frozen=True)
class Compiler:
    """A command, as words, and what it prints as its version."""

    command: tuple[str, ...]
    version: str

    @property
    def identity(self) -> str:
        """A short digest of both: another compiler, or other options in `$CXX`, make another library."""
        return _short("\0".join([*self.command, self.version]), 8)

    def compile(self, program: Program, part: bytes | None = None, otherwise: Path | None = None) -> bytes:
        """The content of the file that a program becomes.

        part: the content of the program's part
        otherwise: a folder to compile in where the one for temporary files can't be used

        Raises: `BuildError` if the compiler fails, `OSError` where its files can't be written.
        """
        with scratch(None, otherwise) as folder:
            source, linked, result = folder / "program.cpp", folder / "part.o", folder / "library"
            for name, text in {source.name: program.text, **_texts(program.headers)}.items():
                (folder / name).write_text(text, encoding="utf-8")
            if part is not None:
                linked.write_bytes(part)
            parts = [] if part is None else [str(linked)]
            done = _run(
                (*self.command, *program.flags, str(source), *parts, "-o", str(result)), TMPDIR=str(folder)
            )
            if done.returncode:
                raise BuildError(f"{self} fails: {_one_line(done.stderr)}")
            if not result.is_file():
                raise BuildError(f"{self} ends without an error, but writes no file")
            return result.read_bytes()

    def __str__(self) -> str:
        return shlex.join(self.command)


def compiler() -> Compiler:
    """The C++ compiler: `$CXX`, a command with options if need be, or what the system has.

    Raises: `BuildError` if there is none, or it does not run.
    """
    command = _chosen(os.environ.get("CXX", "").strip())
    return Compiler(command, _version(command))


def _chosen(wanted: str) -> tuple[str, ...]:
    """The words of a command, its program as an absolute path."""
    if not wanted:
        found = shutil.which("g++") or shutil.which("clang++")
        if found is None:
            raise BuildError("there is no C++ compiler; install g++ or clang++, or set CXX")
        return (found,)
    if whole := shutil.which(wanted):  # a path with spaces, perhaps
        return (os.path.abspath(whole),)
    try:
        program, *options = shlex.split(wanted)
    except ValueError as error:
        raise BuildError(f"CXX is {wanted!r}, which is no command: {error}") from error
    found = shutil.which(os.path.expanduser(program))
    if found is None:
        raise BuildError(f"CXX is {wanted!r}, but there is no program {program!r} that can be run")
    return (os.path.abspath(found), *options)


@cache
def _version(command: tuple[str, ...]) -> str:
    """What a compiler prints as its version; asked once a process."""
    try:
        done = _run((*command, "--version"), timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"{shlex.join(command)} does not run: {error}") from error
    return done.stdout


def _run(
    command: tuple[str, ...], timeout: float | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs a compiler, whose messages are in English whatever the user's language is."""
    return subprocess.run(
        command, env={**os.environ, "LC_ALL": "C", **environment}, stdin=subprocess.DEVNULL, timeout=timeout,
        capture_output=True, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip


@cache
def _texts(headers: Path | None) -> dict[str, str]:
    """Of all headers in a folder, by their names; read once a process."""
    return (
        {path.name: path.read_text(encoding="utf-8") for path in sorted(headers.glob("*.h"))}
        if headers
        else {}
    )


def _short(text: str, length: int) -> str:
    """The beginning of a text's digest."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:length]


def _one_line(text: str) -> str:
    """The beginning of a compiler's messages, as it can be printed anywhere."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:200]

"""A program's library, loaded: from the cache on disk if it is there undamaged, else compiled and kept.

What is loaded is a copy in memory of the bytes that were verified, never the file: nothing that happens to
the file afterwards reaches this process.

This file imports neither PyTorch nor any other library: the installation runs it where there is none.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import threading
from contextlib import suppress
from itertools import count
from pathlib import Path

from gatewise.engine import processor
from gatewise.engine.cache import cache
from gatewise.engine.compiling import LIBRARY, BuildError, Compiler, Program, compiler
from gatewise.engine.libraries import Libraries
from gatewise.engine.scratch import scratch

log = logging.getLogger("gatewise")
_warned: set[str] = set()
_parts: dict[tuple[str, str], bytes] = {}  # by stem and compiler; many programs share one
_loaded: dict[bytes, ctypes.CDLL] = {}  # by digest of the content
_numbers = count(1)
_locks: dict[str, threading.Lock] = {}  # one thread compiles a program, others wait for it
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_locks.clear)  # who holds one does not live on in the child


def load(program: Program) -> ctypes.CDLL:
    """The library of a program, for this machine.

    What another compiler has left in the cache is loaded where this one is missing or fails.

    Raises: `BuildError` if it is not in the cache and can't be compiled.
    """
    libraries, machine = _cached_libraries(), processor.identity()
    stem = program.stem(machine)
    with _lock(stem):
        try:
            chosen = compiler()
            kept = load_kept(libraries, stem, chosen.identity)
            return kept or _compile_and_keep(program, machine, chosen, libraries)
        except (BuildError, OSError) as error:
            kept = load_kept(libraries, stem)
            if kept is None:
                raise BuildError(f"{program.name} can't be built: {error}") from error
            return kept


def load_kept(libraries: Libraries | None, stem: str, compiler: str | None = None) -> ctypes.CDLL | None:
    """A library that lies in a folder, undamaged; None where there is none that can be loaded."""
    if libraries is None:
        return None
    for found in libraries.find(stem, LIBRARY, compiler):
        try:
            return load_content(libraries.read(found), libraries.folder)
        except FileNotFoundError:  # another process has replaced it
            continue
        except OSError as error:
            _warn_once(f"the compiled kernel {found.path} is not used: {error}")
    return None


def content(
    program: Program, chosen: Compiler, machine: str = "", libraries: Libraries | None = None
) -> bytes:
    """What a compiler makes of a program, and of its part where that was not made before.

    Raises: `BuildError`, `OSError`.
    """
    part = None if program.part is None else _part(program.part, machine, chosen, libraries)
    return chosen.compile(program, part, libraries.folder if libraries else None)


def load_content(content: bytes, otherwise: Path | None = None) -> ctypes.CDLL:
    """Loads a library from memory, or from a private file where the system can't; the same one once.

    otherwise: a folder for that file where the one for temporary files can't be used

    Raises: `OSError` if it is no library of this machine.
    """
    digest = hashlib.sha256(content).digest()
    if digest not in _loaded:
        _loaded[digest] = _load_new(content, otherwise)
    return _loaded[digest]


def _load_new(content: bytes, otherwise: Path | None) -> ctypes.CDLL:
    try:
        return _load_from_memory(content)
    except (AttributeError, OSError) as error:  # no such call, no /proc, or a system that forbids it
        for parent in (None, otherwise):
            with suppress(OSError), scratch(parent) as folder:
                file = folder / "library.so"
                file.write_bytes(content)
                return ctypes.CDLL(str(file))
        raise OSError(f"it can't be loaded: {error}") from error


def _load_from_memory(content: bytes) -> ctypes.CDLL:
    """Loads a library from a file in memory, which stays open for debuggers and sanitizers to read."""
    descriptor = os.memfd_create("gatewise-kernel")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        # The dynamic linker takes a path that it has met for the same library: slashes make each new.
        return ctypes.CDLL(f"/proc/self/fd{'/' * next(_numbers)}{descriptor}")
    except BaseException:
        os.close(descriptor)
        raise


def _compile_and_keep(
    program: Program, machine: str, chosen: Compiler, libraries: Libraries | None
) -> ctypes.CDLL:
    """Compiles a program; only a library that can be loaded is kept."""
    log.info("compiling %s, once", program.name)
    made = content(program, chosen, machine, libraries)
    library = load_content(made, libraries.folder if libraries else None)
    _keep(libraries, program, machine, chosen, made)
    return library


def _part(program: Program, machine: str, chosen: Compiler, libraries: Libraries | None) -> bytes:
    """An object file that libraries are linked with: of this process, of the cache, or compiled now."""
    stem = program.stem(machine)
    with _lock(stem):
        known = _parts.get((stem, chosen.identity)) or _kept_part(program, stem, chosen, libraries)
        if known is None:
            known = content(program, chosen, machine, libraries)
            _keep(libraries, program, machine, chosen, known)
        _parts[stem, chosen.identity] = known
    return known


def _kept_part(program: Program, stem: str, chosen: Compiler, libraries: Libraries | None) -> bytes | None:
    if libraries is None:
        return None
    for found in libraries.find(stem, program.suffix, chosen.identity):
        try:
            return libraries.read(found)
        except OSError as error:
            log.info("%s is compiled again: %s", found.path, error)
    return None


def _keep(
    libraries: Libraries | None, program: Program, machine: str, chosen: Compiler, content: bytes
) -> None:
    """Puts a file into the cache, in place of what lay there; this process does not need it there."""
    if libraries is None:
        return
    try:
        libraries.replace(program.stem(machine), program.suffix, chosen.identity, content)
    except OSError as error:
        reason = error.strerror or error  # without the random name of a file
        _warn_once(f"{libraries.folder} can't keep kernels, each process compiles its own: {reason}")


def _cached_libraries() -> Libraries | None:
    """The cache on disk; a warning where it can't be used."""
    found = cache()
    if found.obstacle:
        _warn_once(
            f"the kernel cache is not used, each process compiles its own kernels: {found.obstacle}; "
            "set GATEWISE_CACHE to another folder"
        )
    return found.libraries


def _lock(stem: str) -> threading.Lock:
    return _locks.setdefault(stem, threading.Lock())


def _warn_once(message: str) -> None:
    if message not in _warned:
        _warned.add(message)
        log.warning("%s", message)

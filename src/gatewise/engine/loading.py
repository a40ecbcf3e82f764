"""Loads the library of a program: from the cache on disk if it is undamaged there, else after compilation.

The library is loaded from a copy in memory of the verified bytes, never from the file, so that later
changes of the file do not affect this process.

This file imports neither PyTorch nor any other library, since the installation runs it without them.
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

from gatewise.engine import openmp, processor
from gatewise.engine.cache import cache
from gatewise.engine.compiling import LIBRARY, BuildError, Compiler, NativeProgram, compiler
from gatewise.engine.libraries import Libraries
from gatewise.engine.scratch import scratch

log = logging.getLogger("gatewise")
_warned: set[str] = set()
_parts: dict[tuple[str, str], bytes] = {}  # by stem and compiler; several programs share one
_loaded: dict[bytes, ctypes.CDLL] = {}  # by digest of the content
_numbers = count(1)
_locks: dict[str, threading.Lock] = {}  # one thread compiles a program, the others wait
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_locks.clear)  # its owner does not exist in the child


def load(program: NativeProgram) -> ctypes.CDLL:
    """The library of a program, for this machine.

    If the compiler is missing or fails, a library of another compiler in the cache is loaded.

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
    """An undamaged library in a folder; None if none can be loaded."""
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
    program: NativeProgram, chosen: Compiler, machine: str = "", libraries: Libraries | None = None,
    headers: Path | None = None,
) -> bytes:  # fmt: skip
    """Compiles a program, and its part if that was not compiled before. Returns: the compiled content.

    headers: a folder with the program's parsed headers

    Raises: `BuildError`, `OSError`.
    """
    part = None if program.part is None else part_content(program.part, machine, chosen, libraries)
    return chosen.compile(program, part, libraries.folder if libraries else None, headers)


def load_content(content: bytes, otherwise: Path | None = None) -> ctypes.CDLL:
    """Loads a library from memory, or from a private file if the system can't; each content once.

    otherwise: a folder for that file if the one for temporary files can't be used

    Raises: `OSError` if it is not a library of this machine.
    """
    digest = hashlib.sha256(content).digest()
    if digest not in _loaded:
        _loaded[digest] = _load_new(content, otherwise)
    return _loaded[digest]


def _load_new(content: bytes, otherwise: Path | None) -> ctypes.CDLL:
    openmp.share()
    try:
        return _load_from_memory(content)
    except (AttributeError, OSError) as error:  # memfd_create or /proc is missing or forbidden
        for parent in (None, otherwise):
            with suppress(OSError), scratch(parent) as folder:
                file = folder / "library.so"
                file.write_bytes(content)
                return ctypes.CDLL(str(file))
        raise OSError(f"it can't be loaded: {error}") from error


def _load_from_memory(content: bytes) -> ctypes.CDLL:
    """Loads a library from a file in memory, which stays open for debuggers and sanitizers."""
    descriptor = os.memfd_create("gatewise-kernel")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        # The dynamic linker takes a known path for the same library: slashes make each path new.
        return ctypes.CDLL(f"/proc/self/fd{'/' * next(_numbers)}{descriptor}")
    except BaseException:
        os.close(descriptor)
        raise


def _compile_and_keep(
    program: NativeProgram, machine: str, chosen: Compiler, libraries: Libraries | None
) -> ctypes.CDLL:
    """Compiles a program, and caches the library if it can be loaded."""
    log.info("compiling %s, once", program.name)
    made = content(program, chosen, machine, libraries)
    library = load_content(made, libraries.folder if libraries else None)
    _keep(libraries, program, machine, chosen, made)
    return library


def part_content(
    program: NativeProgram, machine: str, chosen: Compiler, libraries: Libraries | None
) -> bytes:
    """An object file that libraries are linked with: from this process, from a folder, or compiled.

    Raises: `BuildError`, `OSError`.
    """
    stem = program.stem(machine)
    with _lock(stem):
        known = _parts.get((stem, chosen.identity)) or _kept_part(program, stem, chosen, libraries)
        if known is None:
            known = content(program, chosen, machine, libraries)
            _keep(libraries, program, machine, chosen, known)
        _parts[stem, chosen.identity] = known
    return known


def _kept_part(
    program: NativeProgram, stem: str, chosen: Compiler, libraries: Libraries | None
) -> bytes | None:
    if libraries is None:
        return None
    for found in libraries.find(stem, program.suffix, chosen.identity):
        try:
            return libraries.read(found)
        except OSError as error:
            log.info("%s is compiled again: %s", found.path, error)
    return None


def _keep(
    libraries: Libraries | None, program: NativeProgram, machine: str, chosen: Compiler, content: bytes
) -> None:
    """Writes a file into the cache; a failure only costs later processes a compilation."""
    if libraries is None:
        return
    try:
        libraries.replace(program.stem(machine), program.suffix, chosen.identity, content)
    except OSError as error:
        reason = error.strerror or error  # without the random file name
        _warn_once(
            f"no kernels can be cached in {libraries.folder}, so each process compiles its own: {reason}"
        )


def _cached_libraries() -> Libraries | None:
    """The cache on disk; warns if it can't be used."""
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

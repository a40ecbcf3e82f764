"""Compiles many programs at once, on all cores; what they share is compiled once.

This file imports neither PyTorch nor any other library, since the installation runs it without them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import perf_counter

from gatewise.engine import loading, processor
from gatewise.engine.cache import cache
from gatewise.engine.compiling import LIBRARY, BuildError, Compiler, NativeProgram, compiler
from gatewise.engine.libraries import Libraries
from gatewise.engine.scratch import scratch

FEWEST = 3  # programs with the same flags from which on a precompiled header saves time


def compile_ahead(programs: Iterable[NativeProgram]) -> Iterator[str]:
    """Compiles the programs that the cache on disk lacks, for this machine; reports each.

    Raises: `BuildError` if there is no compiler, or no cache that may be used.
    """
    chosen, machine, found = compiler(), processor.identity(), cache()
    kept = found.libraries
    if kept is None:
        raise BuildError(f"the kernel cache is not used: {found.obstacle}")

    def missing(program: NativeProgram) -> bool:
        places = kept.find(program.stem(machine), LIBRARY, chosen.identity)
        return not any(map(kept.undamaged, places))

    yield from compile_all([one for one in programs if missing(one)], chosen, kept, machine, kept)


def compile_all(
    programs: Sequence[NativeProgram],
    chosen: Compiler,
    libraries: Libraries,
    machine: str = "",
    parts: Libraries | None = None,
) -> Iterator[str]:
    """Compiles programs into a folder; reports each, also those that fail.

    machine: the processor, if the flags leave it open; parts: where shared object files are kept
    """
    by_flags: dict[tuple[str, ...], list[NativeProgram]] = {}
    for program in programs:
        by_flags.setdefault(program.flags, []).append(program)

    def parse(program: NativeProgram, folder: Path) -> Path | None:
        try:
            folder.mkdir()
            chosen.parse_headers(program, folder)
        except (BuildError, OSError):
            return None
        return folder

    def make_part(program: NativeProgram) -> None:
        with suppress(BuildError, OSError):  # reported for each program that needs it
            loading.part_content(program, machine, chosen, parts)

    def build(program: NativeProgram) -> str:
        begin, parsed = perf_counter(), headers.get(program.flags)
        try:
            content = loading.content(program, chosen, machine, parts, parsed.result() if parsed else None)
            libraries.replace(program.stem(machine), LIBRARY, chosen.identity, content)
        except (BuildError, OSError) as error:
            return f"{program.name} is compiled at its first use: {error}"
        return f"{program.name}: {perf_counter() - begin:.1f} s, {len(content) / 1e3:.0f} kB"

    with scratch(None, libraries.folder) as folder, ThreadPoolExecutor(_cores()) as pool:
        headers = {
            flags: pool.submit(parse, alike[0], folder / str(number))
            for number, (flags, alike) in enumerate(by_flags.items())
            if len(alike) >= FEWEST
        }
        for alike in by_flags.values():
            if alike[0].part is not None:
                pool.submit(make_part, alike[0].part)
        for count, line in enumerate(pool.map(build, programs), 1):
            yield f"[{count}/{len(programs)}] {line}"


def _cores() -> int:
    """The cores that this process may use, as far as the system reports them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

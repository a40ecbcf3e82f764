"""What this machine's processor is and has, and the instruction sets that cells are compiled for.

This file imports neither PyTorch nor any other library: the installation runs it where there is none.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class InstructionSet:
    """Its name, what the compiler is told, and what a processor must say that it has."""

    name: str
    flags: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()


NATIVE = InstructionSet("native", ("-march=native",))  # of the machine that compiles
AVX2 = frozenset({
    "abm", "avx", "avx2", "bmi1", "bmi2", "cx16", "f16c", "fma", "lahf_lm", "movbe", "popcnt", "sse4_1",
    "sse4_2", "ssse3", "xsave",
})  # fmt: skip
AVX512 = AVX2 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
INSTRUCTION_SETS = {  # by kind of machine, the fastest first; the names are those of the x86-64 ABI
    "x86_64": (
        InstructionSet("x86-64-v4", ("-march=x86-64-v4", "-mprefer-vector-width=512"), AVX512),
        InstructionSet("x86-64-v3", ("-march=x86-64-v3",), AVX2),
        InstructionSet("x86-64", ("-march=x86-64",)),
    )
}


def instruction_sets() -> tuple[InstructionSet, ...]:
    """Those that an installation is compiled for on this kind of machine; none beyond Linux."""
    if sys.platform != "linux":
        return ()
    return INSTRUCTION_SETS.get(platform.machine(), (InstructionSet("baseline"),))


def instruction_set() -> InstructionSet | None:
    """The fastest of them that this processor has."""
    return next((one for one in instruction_sets() if one.needs <= features()), None)


def features() -> frozenset[str]:
    """What the processor says that it has, where Linux tells; nothing elsewhere."""
    return frozenset(_told("flags", "Features").split())


def identity() -> str:
    """All that decides what `-march=native` makes here, so that no other kind of processor finds it.

    Where the system does not list what the processor has, the machine's name stands for it.
    """
    return " ".join([sys.platform, platform.machine(), name(), *(sorted(features()) or [platform.node()])])


def name() -> str:
    """The model's name, where Linux tells; else what Python knows of it."""
    return _told("model name") or platform.processor() or platform.machine()


@cache
def _told(*keys: str) -> str:
    """What Linux says of the first processor under one of the keys."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(keys)), "")

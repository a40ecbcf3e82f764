"""The processor of this machine, and the instruction sets that cells are compiled for.

This file imports neither PyTorch nor any other library, since the installation runs it without them.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class InstructionSet:
    """An instruction set: its name, the compiler's flags, and the features that a processor needs."""

    name: str
    flags: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()


OWN = "-mcpu=native" if platform.machine() == "arm64" else "-march=native"  # "arm64": on macOS
NATIVE = InstructionSet("native", (OWN,))  # of the machine that compiles
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
    """The instruction sets of an installation on this kind of machine; none except on Linux."""
    if sys.platform != "linux":
        return ()
    return INSTRUCTION_SETS.get(platform.machine(), (InstructionSet("baseline"),))


def instruction_set() -> InstructionSet | None:
    """The fastest one that this processor has."""
    return next((one for one in instruction_sets() if one.needs <= features()), None)


def features() -> frozenset[str]:
    """The features of the processor, as Linux lists them; none on other systems."""
    return frozenset(_cpuinfo("flags", "Features").split())


@cache
def allows_matrix_tiles() -> bool:
    """Whether this process may use the matrix tiles of the processor (AMX), which Linux is asked for once."""
    if "amx_bf16" not in features() or platform.machine() != "x86_64":
        return False
    arch_prctl, request_permission, tile_data = 158, 0x1023, 18  # ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return bool(ctypes.CDLL(None).syscall(arch_prctl, request_permission, tile_data) == 0)


def identity() -> str:
    """Everything that determines the result of `-march=native`, to identify the kind of processor.

    If the system does not list the features of the processor, the name of the machine is used instead.
    """
    return " ".join([sys.platform, platform.machine(), name(), *(sorted(features()) or [platform.node()])])


def name() -> str:
    """The name of the model from Linux, or else from Python."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


@cache
def _cpuinfo(*keys: str) -> str:
    """The entry of the first processor with one of the keys."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(keys)), "")

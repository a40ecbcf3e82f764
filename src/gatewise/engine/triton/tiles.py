"""The division of a kernel's rows and units into programs."""

from __future__ import annotations

from dataclasses import dataclass

from gatewise.compiler.triton_kernel import StepKernel

WARP = 128  # numbers that a warp computes, each thread four, which it loads at once
MOST_WARPS = 8
PROGRAMS = 256  # that occupy a GPU; tiles are kept small enough for this many


@dataclass(frozen=True)
class Tile:
    """The rows and units of a program, its warps, and the number of programs along both."""

    rows: int
    units: int
    warps: int
    grid: tuple[int, int]


def tile_of(kernel: StepKernel, batch: int, width: int) -> Tile:
    """The tile of a kernel: whole rows if a normalizer needs them, else few numbers for many programs."""
    numbers = max(WARP, min(MOST_WARPS * WARP, power_of_two(batch * width // PROGRAMS)))
    units = power_of_two(width) if kernel.whole_rows else min(power_of_two(width), WARP)
    rows = min(power_of_two(batch), max(1, numbers // units))
    warps = max(1, min(MOST_WARPS, rows * units // WARP))
    return Tile(rows, units, warps, (-(-batch // rows), -(-width // units)))


def power_of_two(number: int) -> int:
    """The least power of two that is no less.

    >>> [power_of_two(one) for one in (0, 1, 5, 16)]
    [1, 1, 8, 16]
    """
    return 1 << max(0, number - 1).bit_length()

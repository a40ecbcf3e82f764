"""The plan of a benchmark, from the options of a user."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from gatewise.benchmark.candidate import BFLOAT16, FLOAT32, INT8, Competitor
from gatewise.benchmark.competitors import COMPETITORS, OURS
from gatewise.benchmark.machine import folder_name
from gatewise.benchmark.own_cell import SoftplusLSTM
from gatewise.benchmark.shapes import GRID_SHAPE, LATTICE_SHAPES, ONE_STEP_SHAPE, SHAPES, Shape
from gatewise.benchmark.workload import (
    ALL_STEPS,
    LAST_STEP,
    ONE_STEP,
    PASSES,
    WORKLOADS,
    ZEROS,
    BenchmarkCase,
)
from gatewise.cells import GRU, LSTM, RNN, LayerNormLSTM, PeepholeLSTM, find_cell, grid, mdlstm
from gatewise.cells.base import CellType
from gatewise.engine import processor
from gatewise.errors import GatewiseError

CELLS = (LSTM, GRU, RNN, PeepholeLSTM, LayerNormLSTM, SoftplusLSTM)
DTYPES = (FLOAT32, BFLOAT16, INT8)
REPEATS, QUICK_REPEATS = 9, 3
FULL: dict[str, tuple[Shape, ...]] = {
    **dict.fromkeys((ALL_STEPS, LAST_STEP, ZEROS), (*SHAPES, *LATTICE_SHAPES)),
    ONE_STEP: (ONE_STEP_SHAPE,),
}
# Among subsets that take five minutes, these shapes have the means closest to those of all shapes.
QUICK_SHAPES = ("1x100x64x128", "64x100x128x256", "64x100x256x512", "64x100x128x256-ragged", "16x28x28x1x64")
QUICK_DECAY = ("32x784x1x128",)  # long enough for gradients and states to become subnormal
QUICK: dict[str, tuple[Shape, ...]] = {
    ALL_STEPS: tuple(map(Shape.read, QUICK_SHAPES)),
    **dict.fromkeys((LAST_STEP, ZEROS), tuple(map(Shape.read, QUICK_DECAY))),
    ONE_STEP: (ONE_STEP_SHAPE,),
}


@dataclass(frozen=True)
class BenchmarkPlan:
    """The cases to measure, the competitors, and the number of repeats.

    dtype: bfloat16 by autocast, or int8 weights in inference; gatewise is compared with its own float32 and
        with the competitors that support it
    out: the folder for the results of this processor
    """

    cases: tuple[BenchmarkCase, ...]
    competitors: tuple[Competitor, ...]
    repeats: int
    dtype: str = FLOAT32
    out: Path | None = None

    @property
    def candidates(self) -> tuple[Competitor, ...]:
        """The variants of gatewise, and the competitors."""
        return tuple(one for one in OURS if self.dtype in one.dtypes) + self.competitors

    @property
    def passes(self) -> tuple[str, ...]:
        """The passes that can be measured: int8 weights have no gradient."""
        return ("forward",) if self.dtype == INT8 else PASSES


def plan(
    cells: str | None = None,
    shapes: str | None = None,
    workloads: str | None = None,
    competitors: str | None = None,
    repeats: int | None = None,
    dtype: str = "float32",
    quick: bool = False,
    out: Path | None = None,
) -> BenchmarkPlan:
    """The plan of a command line; lists are separated by commas. The folder `out` has one for each processor.

    Raises: `GatewiseError` if a name is unknown or a value is out of bounds.

    >>> [str(case) for case in plan(cells="gru", shapes="1x10x4x8", workloads="all-steps,zeros").cases]
    ['GRU 1x10x4x8', 'GRU 1x10x4x8 zeros']
    """
    if dtype not in DTYPES:
        raise GatewiseError(f"expected --dtype as one of {', '.join(DTYPES)}, got {dtype!r}")
    if repeats is not None and repeats < 1:
        raise GatewiseError(f"expected --repeats as a whole number of at least 1, got {repeats}")
    if out is not None and out.exists() and not out.is_dir():
        raise GatewiseError(f"expected --out as a folder, got the file {str(out)!r}")
    available = tuple(one for one in COMPETITORS if dtype in one.dtypes)
    return BenchmarkPlan(
        _cases(cells, shapes, workloads, quick),
        tuple(one for one in available if one.quick or not quick)
        if competitors is None
        else tuple(_competitor(name, available) for name in competitors.split(",") if name),
        repeats or (QUICK_REPEATS if quick else REPEATS),
        dtype,
        None if out is None else out / folder_name(processor.name()),
    )


def use_threads(count: int | None) -> None:
    """Restricts this process, with all libraries, to a number of processors.

    Raises: `GatewiseError` if there are fewer.
    """
    if count is None:
        return
    known = (
        sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    )
    if not 1 <= count <= len(known):
        raise GatewiseError(
            f"expected --threads in 1..{len(known)}, the processors of this machine, got {count}"
        )
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, list(known)[:count])
    torch.set_num_threads(count)


def _cases(
    cells: str | None, shapes: str | None, workloads: str | None, quick: bool
) -> tuple[BenchmarkCase, ...]:
    """Every cell with every workload on each shape with as many axes; by default also a Grid LSTM."""
    chosen = (*CELLS, mdlstm(2)) if cells is None else tuple(map(_cell, cells.split(",")))
    by_workload = dict(QUICK if quick else FULL)
    if shapes is not None:
        given = tuple(map(Shape.read, shapes.split(",")))
        if not {one.axes for one in given} & {one.axes for one in chosen}:
            raise GatewiseError(f"none of the cells {cells} has as many axes as any of the shapes {shapes}")
        by_workload |= dict.fromkeys((ALL_STEPS, LAST_STEP, ZEROS), given)
    names = tuple(WORKLOADS) if workloads is None else tuple(map(_workload, workloads.split(",")))
    cases = [
        BenchmarkCase(cell, shape, name)
        for cell in chosen
        for name in names
        for shape in by_workload[name]
        if cell.axes == shape.axes
    ]
    if cells is None and shapes is None and not quick:
        cases += [BenchmarkCase(grid(2), GRID_SHAPE, name) for name in names if name != ONE_STEP]
    return tuple(cases)


def _workload(name: str) -> str:
    if name.strip() not in WORKLOADS:
        raise GatewiseError(f"there is no workload {name!r}; there are {', '.join(WORKLOADS)}")
    return name.strip()


def _cell(name: str) -> CellType:
    own = SoftplusLSTM.__name__.lower()
    return (
        SoftplusLSTM if name.strip().lower() in (own, own.removesuffix("lstm")) else find_cell(name.strip())
    )


def _competitor(name: str, available: tuple[Competitor, ...]) -> Competitor:
    short = name.strip().lower().replace("eager loop", "eager")
    for one in available:
        if short == one.name.lower().replace("eager loop", "eager"):
            return one
    raise GatewiseError(
        f"there is no competitor {name!r}; there are {', '.join(one.name for one in available)}"
    )

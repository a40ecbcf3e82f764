"""How the kernels of a GPU run a cell: launches, and the division into programs."""

from __future__ import annotations

from collections.abc import Sequence

from gatewise.cells.base import CellType
from gatewise.compiler.constants import with_constants
from gatewise.compiler.heads import by_head, depends_on_heads, for_units
from gatewise.compiler.stages import plan
from gatewise.compiler.triton_kernel import slots
from gatewise.compiler.triton_source import kernels
from gatewise.engine.triton.launches import FEWEST, RECORDED
from gatewise.engine.triton.tiles import tile_of

SIZES = ((16, 128), (16, 1024), (256, 512))  # B, H
Row = tuple[str, ...]


def gpu_plans(cells: Sequence[CellType]) -> list[Row]:
    """For each cell that these kernels run: name, schedule, reason, and the programs of the largest kernel.

    >>> from gatewise.cells import LSTM, MinGRU
    >>> for row in gpu_plans([LSTM, MinGRU]):
    ...     print(row[:3])
    ('LSTM', '1 product and 1 kernel a step', 'products need states; from 64 steps on 16 are a graph')
    ('MinGRU', 'all steps in 1 launch', 'no product needs a state')
    """
    runs = [one for one in cells if not one.of_lattice and by_head(one) is None]
    return [_row(one) for one in runs]


def _row(cell: CellType) -> Row:
    made = plan(with_constants(for_units(cell) if depends_on_heads(cell) else cell)[0])
    own = kernels(made)
    programs = []
    for batch, units in SIZES:
        tiles = [tile_of(one, batch, units) for one in own.forward]
        most = max(tiles, key=lambda one: one.rows * one.units)
        programs.append(f"{most.grid[0] * most.grid[1]} of {most.rows} x {most.units}")
    if own.runs_all_steps:
        return cell.__name__, "all steps in 1 launch", "no product needs a state", *programs
    products = sum(one.slot.operand.where != "input" for one in slots(made))
    schedule = f"{_count(products, 'product')} and {_count(len(own.forward), 'kernel')} a step"
    reason = f"products need states; from {FEWEST} steps on {RECORDED} are a graph"
    return cell.__name__, schedule, reason, *programs


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
